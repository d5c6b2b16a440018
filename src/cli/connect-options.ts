import { readFile } from "node:fs/promises";
import type { ConnectOptions } from "../../clients/typescript/src/index.js";
import { CommandError } from "./command-error.js";

/** How a command reaches a server; empty text is as good as none. */
export interface ServerOptions {
  readonly address: string;
  readonly tenant: string | undefined;
  readonly token: string | undefined;
  readonly tls: boolean | undefined;
  /** PEM files. */
  readonly tlsCa: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
}

/** The client's options. @throws CommandError when a file cannot be read */
export async function connectOptionsFrom(options: ServerOptions): Promise<ConnectOptions> {
  const { address, tenant, token, tls, tlsCa, tlsCert, tlsKey } = options;
  if (!tlsCert !== !tlsKey) throw new CommandError("Expected both --tls-cert and --tls-key, or neither", 2);
  const [ca, cert, key] = await Promise.all([
    readPem("--tls-ca", tlsCa),
    readPem("--tls-cert", tlsCert),
    readPem("--tls-key", tlsKey),
  ]);
  const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  return {
    address,
    ...((tls || ca || cert) && { tls: files }),
    ...(tenant && { tenantId: tenant }),
    ...(token && { token }),
  };
}

async function readPem(option: string, path: string | undefined): Promise<Buffer | undefined> {
  if (!path) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new CommandError(`${option}: ${(error as Error).message}`);
  }
}
