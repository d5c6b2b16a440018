import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { startEmbeddedPostgres } from "../../src/postgres/start-embedded-postgres.js";
import { withDatabase } from "./database-url.js";
import { execute } from "./execute.js";

/** A Postgres whose databases belong to a user who is no superuser. */
export interface OwnCluster {
  /** Of a database, as its owner. */
  urlOf(database: string): string;
  /** Of a database, as the superuser. */
  adminUrlOf(database: string): string;
  close(): Promise<void>;
}

/** A cluster of the test's own: on a shared one the roles are there already, made by another. */
export async function startOwnCluster(...databases: readonly string[]): Promise<OwnCluster> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-owner-"));
  const postgres = await startEmbeddedPostgres({ directory, logger: pino({ level: "silent" }) });
  await execute(
    postgres.url,
    "CREATE ROLE keeper LOGIN CREATEROLE PASSWORD 'keeper'",
    ...databases.map((database) => `CREATE DATABASE ${database} OWNER keeper`),
  );
  return {
    urlOf(database) {
      const url = new URL(withDatabase(postgres.url, database));
      url.username = url.password = "keeper";
      return url.href;
    },
    adminUrlOf: (database) => withDatabase(postgres.url, database),
    async close() {
      await postgres.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
