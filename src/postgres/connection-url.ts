import { SOCKET_PORT } from "./settings.js";

/** The superuser that initdb makes. */
export const SUPERUSER = "postgres";
/** The database Holdfast lives in. */
export const DATABASE = "holdfast";

/**
 * The URL of an embedded Postgres. pg and libpq both connect to the socket in
 * `host`; the `localhost` before it is there only for programs that parse URLs.
 * Port and sslmode are spelled out so that PGPORT and PGSSLMODE do not apply.
 */
export function connectionUrl(socketDirectory: string, port = SOCKET_PORT): string {
  const parameters = new URLSearchParams({ host: socketDirectory, port: String(port), sslmode: "disable" });
  return `postgres://${SUPERUSER}@localhost/${DATABASE}?${parameters}`;
}
