import { describe, expect, onTestFinished, test } from "vitest";
import { migrateUp, migrationStatus } from "../src/store/migrate.js";
import { createTestDatabase } from "./support/create-test-database.js";
import { dumpSchema } from "./support/dump-schema.js";
import { observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { startOwnCluster } from "./support/own-cluster.js";
import { query } from "./support/query.js";
import { startServer } from "./support/start-server.js";
import { newTenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

async function withEmptyDatabase<T>(use: (url: string) => Promise<T>): Promise<T> {
  const database = await createTestDatabase({ schema: "empty" });
  try {
    return await use(database.url);
  } finally {
    await database.close();
  }
}

describe("migrating an empty database", () => {
  test("applies every migration once, and says when", () =>
    withEmptyDatabase(async (url) => {
      const pending = await migrationStatus({ url });
      expect(pending.length).toBeGreaterThan(0);
      expect(pending.every((each) => each.appliedAt === undefined)).toBe(true);
      const names = pending.map((each) => each.name);
      expect(await migrateUp({ url })).toEqual([...names, "routines"]);
      const applied = await migrationStatus({ url });
      expect(applied.map((each) => each.name)).toEqual(names);
      expect(applied.every((each) => each.appliedAt !== undefined)).toBe(true);
    }));

  test("a second time changes nothing", () =>
    withEmptyDatabase(async (url) => {
      await migrateUp({ url });
      const [before, appliedBefore] = [await dumpSchema(url), await migrationStatus({ url })];
      expect(await migrateUp({ url })).toEqual([]);
      expect(await dumpSchema(url)).toBe(before);
      expect(await migrationStatus({ url })).toEqual(appliedBefore);
    }));

  test("asking for the status changes nothing", () =>
    withEmptyDatabase(async (url) => {
      await migrationStatus({ url });
      expect(await query(url, "SELECT FROM pg_namespace WHERE nspname = 'holdfast'")).toEqual([]);
    }));

  test("by several servers at once is done by one while the others wait", () =>
    withEmptyDatabase(async (url) => {
      const results = await Promise.all(Array.from({ length: 5 }, () => migrateUp({ url })));
      const applied = results.flat();
      expect(new Set(applied).size).toBe(applied.length);
      expect(applied).toContain("routines");
      const status = await migrationStatus({ url });
      expect(status.every((each) => each.appliedAt !== undefined)).toBe(true);
    }));

  test("that another version's routines are in replaces them", () =>
    withEmptyDatabase(async (url) => {
      await migrateUp({ url });
      const wanted = await dumpSchema(url);
      await execute(
        url,
        "UPDATE holdfast.routines SET version = 'other'",
        "CREATE FUNCTION holdfast.of_another_version() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION holdfast.tenant_ids()",
      );
      expect(await migrateUp({ url })).toEqual(["routines"]);
      expect(await dumpSchema(url)).toBe(wanted);
    }));
});

test("an owner that is no superuser but may create roles migrates and serves", async () => {
  const cluster = await startOwnCluster("kept");
  onTestFinished(() => cluster.close());
  const url = cluster.urlOf("kept");
  expect(await migrateUp({ url })).toContain("routines");
  expect(await migrateUp({ url })).toEqual([]);
  const app = await startServer(url, { logLevel: "silent" });
  try {
    const tenant = newTenant(app);
    const { id: sessionId } = await tenant.open();
    const { positions } = await tenant.append(observation({ sessionId }));
    expect(positions).toEqual([2n]);
    expect(await expectSoundLog(url, tenant.id)).toBe(2n);
  } finally {
    await app.close();
  }
});
