import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";

/**
 * One plain connection as the login user of the URL, for what only the owner of
 * the schema does: migrating and inspecting. `destroy()` closes it.
 */
export function openOwnerConnection(url: string): Kysely<unknown> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    application_name: "holdfast migrate",
    connectionTimeoutMillis: 10_000,
  });
  // The statement that was running reports the loss; an error nobody listens to would also end the process.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return new Kysely({ dialect: new PostgresDialect({ pool }) });
}
