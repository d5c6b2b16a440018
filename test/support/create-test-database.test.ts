import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { connect } from "./connect.js";
import { createTestDatabase, type TestDatabase } from "./create-test-database.js";
import { query } from "./query.js";

describe("a test database", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.close());

  test("is migrated and acknowledges only what is on disk", async () => {
    const rows = await query(
      database.url,
      "SELECT to_regclass('holdfast.tenant_logs') IS NOT NULL AS migrated, current_setting('synchronous_commit') AS sync",
    );
    expect(rows).toEqual([{ migrated: true, sync: "on" }]);
  });

  test("does not show what another one holds", async () => {
    const other = await createTestDatabase();
    try {
      await query(other.url, "CREATE TABLE only_there (id int)");
      const rows = await query(database.url, "SELECT to_regclass('only_there') AS found");
      expect(rows).toEqual([{ found: null }]);
    } finally {
      await other.close();
    }
  });

  test("can be made by many test files at once", async () => {
    const many = await Promise.all(Array.from({ length: 4 }, () => createTestDatabase()));
    await Promise.all(many.map((one) => one.close()));
  });

  test("is empty when asked to be", async () => {
    const empty = await createTestDatabase({ schema: "empty" });
    try {
      expect(await query(empty.url, "SELECT to_regclass('holdfast.tenant_logs') AS found")).toEqual([
        { found: null },
      ]);
    } finally {
      await empty.close();
    }
  });

  test("is gone once closed, even while somebody is connected", async () => {
    const closed = await createTestDatabase();
    await connect(closed.url);
    await closed.close();
    const name = new URL(closed.url).pathname.slice(1);
    const rows = await query(inject("testCluster").url, `SELECT FROM pg_database WHERE datname = '${name}'`);
    expect(rows).toEqual([]);
  });
});
