import { afterAll, beforeAll, beforeEach } from "vitest";
import type { App } from "../../src/app.js";
import type { Config } from "../../src/config.js";
import { createTestDatabase, type TestDatabase } from "./create-test-database.js";
import { expectNothingHeld } from "./expect-nothing-held.js";
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
  let before: string | undefined;
  const checkLeaks = () => Promise.all(apps.map((app) => expectNothingHeld(app, before)));
  // What a test has started ends after its own hooks: the next to come looks.
  beforeEach(async ({ task }) => {
    await checkLeaks();
    before = task.name;
  });
  afterAll(async () => {
    await checkLeaks();
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
