import { isIP } from "node:net";
import { checkedAddress } from "./checked-address.js";
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

/** The port of gRPC targets that name none, as grpc-js has it. */
const DEFAULT_PORT = 443;
const HOST_PORT = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/;

/**
 * Reads gRPC targets: "host:port", "dns:///host:port", "ipv4:1.2.3.4:1,1.2.3.5:1", "unix:/path".
 *
 * @throws HoldfastError INVALID_ARGUMENT for what is none
 */
export function parseTargets(given: string | readonly string[]): readonly Target[] {
  const each = Array.isArray(given) ? given : [given];
  if (each.length === 0) throw invalidOption("address", "at least one", given);
  return each.map((address) => parseTarget(checkedAddress(address)));
}

function parseTarget(given: string): Target {
  const [, scheme, list] = /^(ipv4|ipv6):(.+)$/.exec(given) ?? [];
  if (list !== undefined) {
    return { addresses: list.split(",").map((each) => ({ target: `${scheme}:${each.trim()}` })) };
  }
  // grpc-js finds sockets and what another name server knows by itself.
  if (/^(unix|unix-abstract):|^dns:\/\/[^/]+\//.test(given)) return { addresses: [{ target: given }] };
  const path = given.replace(/^dns:(\/\/\/)?/, "");
  if (isIP(path) === 6) return { addresses: [{ target: given }] };
  const [, bracketed, plain, digits] = HOST_PORT.exec(path) ?? [];
  const host = bracketed ?? plain ?? path;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  return isIP(host) ? { addresses: [{ target: given }] } : { host, port };
}
