import { afterAll, beforeAll } from "vitest";
import type { App } from "../../src/app.js";
import type { Config } from "../../src/config.js";
import { createTestDatabase, type TestDatabase } from "./create-test-database.js";
import { startServer } from "./start-server.js";

export interface SharedServers {
  readonly databaseUrl: string;
  /** The server, or the one of this number. */
  app(number?: number): App;
}

/** Servers on one database for a whole test file; tests keep apart by using a tenant each. */
export function useServers(...overrides: readonly Partial<Config>[]): SharedServers {
  let database: TestDatabase;
  let apps: App[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    apps = await Promise.all(
      overrides.map((each) =>
        startServer(database.url, { logLevel: "silent", drainTimeoutMs: 1000, ...each }),
      ),
    );
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await database?.close();
  });
  return {
    get databaseUrl() {
      return database.url;
    },
    app(number = 0) {
      const app = apps[number];
      if (!app) throw new RangeError(`there is no server ${number}`);
      return app;
    },
  };
}
