import { isIP, isIPv4, isIPv6 } from "node:net";
import { invalidOption } from "./duration.js";

/** One place to connect to. */
export interface Address {
  /** As grpc-js takes it. */
  readonly target: string;
  /** The name that it was found by, which the server's certificate has. */
  readonly name?: { readonly host: string; readonly port: number } | undefined;
}

/** What a user gave: addresses, or a name that has some. */
export type Target =
  | { readonly addresses: readonly Address[] }
  | { readonly host: string; readonly port: number };

const EXPECTED = '"host:port", "unix:/path" or another gRPC target like "dns:///host:port"';
/** The port of gRPC targets that name none, as grpc-js has it. */
const DEFAULT_PORT = 443;
const MAX_PORT = 65_535;

/**
 * Reads gRPC targets: "host:port", "dns:///host:port", "ipv4:1.2.3.4:1,1.2.3.5:1", "unix:/path". grpc-js looks at most of
 * one only when it connects, and then fails as if the server were away.
 *
 * @throws HoldfastError INVALID_ARGUMENT for what can be no address of a server
 */
export function parseTargets(given: string | readonly string[]): readonly Target[] {
  const each: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (each.length === 0) throw invalidOption("address", "at least one", given);
  return each.map((address) => {
    const target = typeof address === "string" ? parseTarget(address) : undefined;
    if (target) return target;
    throw invalidOption("address", EXPECTED, address);
  });
}

function parseTarget(given: string): Target | undefined {
  const [, scheme, rest = ""] = /^([a-z][a-z0-9-]*):(.*)$/s.exec(given) ?? [];
  switch (scheme) {
    case "unix":
    case "unix-abstract":
      return rest === "" || rest === "//" ? undefined : addressesOf(given);
    case "ipv4":
      return parseList(scheme, rest, isIPv4);
    case "ipv6":
      return parseList(scheme, rest, isIPv6);
    case "dns":
      return parseName(given, rest);
    default:
      return toTarget(given, parseHostAndPort(given));
  }
}

function parseList(scheme: string, list: string, isKnown: (host: string) => boolean): Target | undefined {
  const each = list.split(",");
  const areKnown = each.every((text) => isKnown(parseHostAndPort(text)?.host ?? ""));
  return areKnown ? addressesOf(...each.map((text) => `${scheme}:${text}`)) : undefined;
}

function parseName(given: string, rest: string): Target | undefined {
  // An authority, if there is one, names the DNS server: "dns://8.8.8.8/host:port". grpc-js asks that one itself.
  const [, authority, path = rest] = /^\/\/([^/]*)\/(.*)$/s.exec(rest) ?? [];
  const place = parseHostAndPort(path);
  return authority && place ? addressesOf(given) : toTarget(given, place);
}

/** An address is taken as it was given; the addresses of a name are looked up. */
function toTarget(given: string, place: ReturnType<typeof parseHostAndPort>): Target | undefined {
  return place && isIP(place.host) ? addressesOf(given) : place;
}

function addressesOf(...targets: readonly string[]): Target {
  return { addresses: targets.map((target) => ({ target })) };
}

function parseHostAndPort(text: string): { readonly host: string; readonly port: number } | undefined {
  if (isIPv6(text)) return { host: text, port: DEFAULT_PORT };
  const [, bracketed, plain = "", digits] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (port < 1 || port > MAX_PORT) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  return plain === "" || /[\s/\\,@?#\p{Cc}]/u.test(plain) ? undefined : { host: plain, port };
}
