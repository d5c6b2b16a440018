import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { Primary } from "./primary.js";
import { PrimaryClient } from "./primary-client.js";

/**
 * One plain connection as the login user of the URL, for what only the owner of
 * the schema may read: which migrations there are. `destroy()` closes it.
 */
export function openOwnerConnection(url: string): Kysely<unknown> {
  const pool = new pg.Pool({
    Client: PrimaryClient.of(new Primary(url)) as unknown as new () => PrimaryClient,
    max: 1,
    application_name: "holdfast migrate",
    connectionTimeoutMillis: 10_000,
  });
  // The statement that was running reports the loss; an error nobody listens to would also end the process.
  pool.on("error", () => {});
  return new Kysely({ dialect: new PostgresDialect({ pool }) });
}
