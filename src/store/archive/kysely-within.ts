import { Kysely, PostgresDialect, type PostgresPool } from "kysely";
import type pg from "pg";

/** Kysely on one connection, in whatever transaction that is: what it runs belongs to the transaction. */
export function kyselyWithin(client: pg.Client): Kysely<unknown> {
  const connection = { query: client.query.bind(client), release: () => {} };
  const pool = { connect: async () => connection, end: async () => {} };
  return new Kysely({ dialect: new PostgresDialect({ pool: pool as unknown as PostgresPool }) });
}
