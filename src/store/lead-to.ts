import type pg from "pg";
import type { PostgresHost } from "../core/postgres-hosts.js";

interface Internals {
  host: string;
  port: number;
  readonly connectionParameters: { host: string; port: number };
}

/** Makes a client that is not connected yet connect to this server. The driver takes its name from there, for TLS as well. */
export function leadTo(client: pg.Client, { host, port }: PostgresHost): void {
  const internals = client as unknown as Internals;
  internals.host = internals.connectionParameters.host = host;
  internals.port = internals.connectionParameters.port = port;
}
