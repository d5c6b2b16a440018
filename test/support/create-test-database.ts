import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import { withDatabase } from "./database-url.js";
import { execute } from "./execute.js";

export interface TestDatabase {
  /** Of a role that owns the database and may create others. */
  readonly url: string;
  /** Drops the database, cutting off whoever is still connected. */
  close(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** `empty` is for tests of the migrations themselves. Default `migrated`. */
  readonly schema?: "migrated" | "empty";
}

/**
 * A database of its own for a test file: create it in `beforeAll`, close it in
 * `afterAll`. It holds what the migrations make and nothing else.
 */
export async function createTestDatabase({
  schema = "migrated",
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { url, template } = inject("testCluster");
  const name = `holdfast_test_${randomUUID().replaceAll("-", "")}`;
  const source = schema === "migrated" ? template : "template0";
  // WAL_LOG copies a small database without the two checkpoints of FILE_COPY.
  await execute(url, `CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY wal_log`);
  return {
    url: withDatabase(url, name),
    close: () => execute(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}
