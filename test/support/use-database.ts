import { pino } from "pino";
import { afterAll, beforeAll } from "vitest";
import { type Database, type DatabaseSettings, openDatabase } from "../../src/store/database.js";
import { createTestDatabase, type TestDatabase } from "./create-test-database.js";

export interface SharedDatabase {
  readonly url: string;
  /** Connections to it, without a server. */
  readonly database: Database;
}

/** One database for a whole test file, and connections to it. */
export function useDatabase(settings: Partial<DatabaseSettings> = {}): SharedDatabase {
  let made: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    made = await createTestDatabase();
    const usual = { maxConnections: 4, connectTimeoutMs: 5000, statementTimeoutMs: 30_000 };
    database = openDatabase(
      { url: made.url, preparedStatements: true, ...usual, ...settings },
      pino({ level: "silent" }),
    );
  });
  afterAll(async () => {
    await database?.close();
    await made?.close();
  });
  return {
    get url() {
      return made.url;
    },
    get database() {
      return database;
    },
  };
}
