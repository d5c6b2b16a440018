import { isIPv4, isIPv6 } from "node:net";
import { invalidOption } from "./duration.js";

const EXPECTED = '"host:port", "unix:/path" or another gRPC target like "dns:///host:port"';
const MAX_PORT = 65_535;

/**
 * The address of a server as grpc-js takes it. grpc-js looks at most of it only when it connects, and then fails as if
 * the server were away.
 *
 * @throws HoldfastError INVALID_ARGUMENT for what can be no address of a server
 */
export function checkedAddress(given: unknown): string {
  if (typeof given === "string" && isAddress(given)) return given;
  throw invalidOption("address", EXPECTED, given);
}

function isAddress(address: string): boolean {
  const [, scheme, rest = ""] = /^([a-z][a-z0-9-]*):(.*)$/s.exec(address) ?? [];
  switch (scheme) {
    case "unix":
    case "unix-abstract":
      return rest !== "" && rest !== "//";
    case "ipv4":
      return rest.split(",").every((each) => isHostAndPort(each, isIPv4));
    case "ipv6":
      return rest.split(",").every((each) => isHostAndPort(each, isIPv6));
    case "dns":
      // An authority, if there is one, names the DNS server: "dns://8.8.8.8/host:port".
      return isHostAndPort(rest.replace(/^\/\/[^/]*\//, ""), isHost);
    default:
      return isHostAndPort(address, isHost);
  }
}

function isHostAndPort(text: string, isKnown: (host: string) => boolean): boolean {
  if (isIPv6(text)) return isKnown(text);
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= MAX_PORT)) return false;
  if (bracketed !== undefined) return isIPv6(bracketed) && isKnown(bracketed);
  return plain !== undefined && isKnown(plain);
}

function isHost(host: string): boolean {
  return isIPv6(host) || (host !== "" && !/[\s/\\,@?#\p{Cc}]/u.test(host));
}
