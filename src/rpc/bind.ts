import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server, ServerCredentials } from "@grpc/grpc-js";
import { formatAddress, ListenError } from "./listen-error.js";

export interface Address {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/**
 * Binds a server to one address and says which port it got. A name stands for the first address it resolves to:
 * grpc-js would bind those that are free and say nothing of one that is taken.
 *
 * @throws ListenError
 */
export async function bind(
  server: Server,
  address: Address,
  credentials: ServerCredentials,
): Promise<Address> {
  const { host, port } = address;
  try {
    const resolved = (await lookup(host)).address;
    if (port !== 0) await probe({ host: resolved, port });
    const bound = await bindAsync(server, formatAddress(resolved, port), credentials);
    return { host, port: bound };
  } catch (cause) {
    throw new ListenError(host, port, cause);
  }
}

// grpc-js reports a taken port by printing to the console and an Error without a code; Node's own is better.
async function probe(address: Address): Promise<void> {
  const server = createServer().listen({ ...address, exclusive: true });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

function bindAsync(server: Server, authority: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(authority, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}
