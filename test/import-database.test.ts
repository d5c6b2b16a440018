import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { makeBackup } from "../src/legacy/backup.js";
import { discover } from "../src/legacy/discover.js";
import { isBad, readSource } from "../src/legacy/read-source.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { heldBytesAtRest } from "./support/held-bytes.js";
import { importFolderAt, importTenant } from "./support/importing.js";
import { query } from "./support/query.js";

const require = createRequire(import.meta.url);
const sqlite: typeof import("node-sqlite3-wasm") = require("node-sqlite3-wasm");

const MIB = 1024 * 1024;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** A folder with a database, open until the test ends, and a tenant to import it into. */
async function set() {
  const { root, source } = await importFolderAt();
  await mkdir(source);
  const path = join(source, "agent_enterprise.db");
  const db = new sqlite.Database(path);
  onTestFinished(() => {
    if (db.isOpen) db.close();
  });
  const tenant = importTenant(database.url, join(root, "backups"));
  const rows = (table: string) =>
    query<Record<string, unknown>>(
      database.url,
      `SELECT * FROM holdfast.${table} WHERE tenant_id = '${tenant.id}' ORDER BY external_id`,
    );
  return { root, source, path, db, tenant, rows };
}

test("what was committed to the write-ahead log of a killed agent is imported, what was not is left out", async () => {
  const { root, db, path, tenant, rows } = await set();
  db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  db.exec("CREATE TABLE goals (id TEXT PRIMARY KEY, description TEXT)");
  db.exec("INSERT INTO goals VALUES ('a', 'before'), ('b', 'stays'); PRAGMA wal_checkpoint");
  db.exec("UPDATE goals SET description = 'after' WHERE id = 'a'; INSERT INTO goals VALUES ('c', 'added')");
  const killed = join(root, "killed");
  await mkdir(killed);
  await copyFile(path, join(killed, "agent.db"));
  await copyFile(`${path}-wal`, join(killed, "agent.db-wal"));
  const { verification } = await tenant.run(killed);
  expect(verification).toMatchObject({ differing: 0, missing: 0 });
  const goals = (await rows("goals")).map(({ external_id, description }) => [external_id, description]);
  expect(goals).toEqual([
    ["a", "after"],
    ["b", "stays"],
    ["c", "added"],
  ]);
});

test("of a database of any size no more is held than a row", async () => {
  const { root, db, source } = await set();
  const rowBytes = MIB / 2;
  db.exec("CREATE TABLE actions (id TEXT PRIMARY KEY, name TEXT, extra BLOB)");
  db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO actions SELECT 'a' || i, 'n', zeroblob(${rowBytes}) FROM n`);
  db.close();
  const [copied] = (await makeBackup(await discover(source), root, [])).sources;
  if (!copied) throw new Error("nothing was copied");
  const before = await heldBytesAtRest();
  let most = 0;
  let count = 0;
  for await (const record of readSource(copied)) {
    count += 1;
    expect(isBad(record)).toBe(false);
    if (count % 50 === 0) most = Math.max(most, (await heldBytesAtRest()) - before);
  }
  expect(count).toBe(300);
  // A row, and it once more in base64; SQLite's pages; what compiling it took.
  expect(most).toBeLessThan(32 * MIB);
});

test("a value too large to be held is set aside by table, row and column; the rest goes in", async () => {
  const { db, source, tenant, rows } = await set();
  db.exec("CREATE TABLE goals (id TEXT PRIMARY KEY, description TEXT, extra BLOB)");
  db.exec(
    `INSERT INTO goals VALUES ('a', 'x', NULL), ('b', 'x', zeroblob(${17 * MIB})), ('c', 'x', x'00ff')`,
  );
  const { migration_details } = await tenant.run(source);
  expect(migration_details.quarantine.examples).toEqual([
    {
      file: "agent_enterprise.db",
      path: "goals row 2",
      reason: `expected at most ${16 * MIB} bytes in extra, got ${17 * MIB}`,
    },
  ]);
  expect((await rows("goals")).map(({ external_id }) => external_id)).toEqual(["a", "c"]);
});

test("a database in UTF-16 and one that is damaged stop themselves alone, and say why", async () => {
  const { db, source, tenant, rows } = await set();
  db.exec("CREATE TABLE goals (id TEXT PRIMARY KEY, description TEXT); INSERT INTO goals VALUES ('a', 'x')");
  db.close();
  const whole = await readFile(join(source, "agent_enterprise.db"));
  const utf16 = Buffer.from(whole);
  utf16.writeUInt32BE(2, 56);
  await writeFile(join(source, "other.db"), utf16);
  await writeFile(join(source, "torn.db"), whole.subarray(0, 100));
  const { migration_summary, migration_details } = await tenant.run(source);
  expect(migration_summary).toMatchObject({ records_migrated: 1, errors: 2 });
  expect(migration_details.quarantine.examples).toEqual([
    { file: "other.db", path: "", reason: "not a readable database: expected text in UTF-8, got UTF-16" },
    { file: "torn.db", path: "", reason: expect.stringMatching(/^not a readable database: /) },
  ]);
  expect(await rows("goals")).toHaveLength(1);
});

test("a working copy has no name while it is read, and leaves nothing", async () => {
  const { root, db, source } = await set();
  db.exec("CREATE TABLE goals (id TEXT PRIMARY KEY, description TEXT); INSERT INTO goals VALUES ('a', 'x')");
  db.close();
  const temporary = join(root, "tmp");
  await mkdir(temporary);
  vi.stubEnv("TMPDIR", temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  const [copied] = (await makeBackup(await discover(source), root, [])).sources;
  if (!copied) throw new Error("nothing was copied");
  const records = readSource(copied);
  expect((await records.next()).value).toMatchObject({ path: "goals row 1" });
  expect(await readdir(temporary)).toEqual([]);
  await records.return(undefined);
  expect(await readdir(temporary)).toEqual([]);
});
