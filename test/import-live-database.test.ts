import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { importFolderAt, importTenant } from "./support/importing.js";
import { query } from "./support/query.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** Writes actions, a commit each, to a database in WAL mode that it keeps open; now and then pages go back into the file. */
const WRITER = `
import json, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA wal_autocheckpoint=40")
db.execute("CREATE TABLE actions (id TEXT PRIMARY KEY, action_id TEXT, name TEXT, status TEXT, parameters JSON)")
i = 0
while True:
    db.execute("INSERT INTO actions VALUES (?, ?, ?, ?, ?)", (str(i), "a%d" % i, "n%d" % i, "completed", json.dumps({"i": i, "pad": "x" * 500})))
    print(i, flush=True)
    i += 1
    time.sleep(0.003)
`;

test("a database that a running agent writes to is imported as of one commit, nothing acknowledged before it left out", async ({
  skip,
}) => {
  if (spawnSync("python3", ["-c", "import sqlite3"]).status !== 0) {
    return skip("an SQLite database with a live writer (no python3 with sqlite3)");
  }
  const { root, source } = await importFolderAt();
  await mkdir(source);
  await writeFile(join(root, "writer.py"), WRITER);
  const writer = spawn("python3", [join(root, "writer.py"), join(source, "agent_enterprise.db")]);
  onTestFinished(() => void writer.kill("SIGKILL"));
  let last = -1;
  writer.stdout.setEncoding("utf8").on("data", (text: string) => {
    last = Math.max(last, ...text.trim().split("\n").map(Number));
  });
  const tenant = importTenant(database.url, join(root, "backups"));
  for (const least of [50, 200]) {
    await vi.waitFor(() => expect(last).toBeGreaterThan(least), { timeout: 120_000 });
    const before = last;
    const report = await tenant.run(source);
    expect(writer.exitCode).toBeNull();
    expect(report.migration_summary).toMatchObject({ status: "completed", records_quarantined: 0 });
    const { verification } = report;
    expect(verification?.leaves_found).toBe(verification?.leaves_in_source);
    const rows = await query<{ external_id: string }>(
      database.url,
      `SELECT external_id FROM holdfast.actions WHERE tenant_id = '${tenant.id}'`,
    );
    const found = new Set(rows.map(({ external_id }) => external_id));
    // All that was committed before, and of what came later a beginning.
    expect(found.size).toBeGreaterThan(before);
    for (let i = 0; i < found.size; i += 1) expect(found.has(`a${i}`), `a${i} of ${found.size}`).toBe(true);
  }
  writer.kill("SIGTERM");
  await once(writer, "exit");
});
