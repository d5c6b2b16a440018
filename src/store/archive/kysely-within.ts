import { Kysely, PostgresAdapter, PostgresDialect, type PostgresPool } from "kysely";
import type pg from "pg";

/** Kysely on one connection, in whatever transaction that is: what it runs belongs to the transaction. */
export function kyselyWithin(client: pg.Client): Kysely<unknown> {
  const connection = { query: client.query.bind(client), release: () => {} };
  const pool = { connect: async () => connection, end: async () => {} };
  return new Kysely({ dialect: new DialectWithin({ pool: pool as unknown as PostgresPool }) });
}

class DialectWithin extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new AdapterWithin();
  }
}

/** Whoever migrates takes a lock of the transaction. Kysely's own is of the session, which a pooler keeps for others. */
class AdapterWithin extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}
