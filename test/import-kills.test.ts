import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildCli } from "./support/cli-process.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { importFolderAt } from "./support/importing.js";
import { killImports } from "./support/kill-imports.js";
import { expectSoundLog } from "./support/verify-log.js";

/** More of them: `npm run bench -- import-kills --rounds 50`. */
const KILLS = 4;

let database: TestDatabase;

beforeAll(async () => {
  await buildCli();
  database = await createTestDatabase();
});

afterAll(() => database.close());

test("an import killed at any moment and run again ends as one that was left alone", async () => {
  const { root, source } = await importFolderAt(true);
  const result = await killImports(database.url, source, join(root, "backups"), KILLS);
  expect(result.found).toEqual(result.found.map(() => result.expected));
  // Else nothing was interrupted, and nothing shown.
  expect(result.amidst).toBeGreaterThan(0);
  for (const tenant of result.tenants) await expectSoundLog(database.url, tenant);
}, 900_000);
