import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/create-test-database.js";
import { startDatabaseProxy } from "../../test/support/database-proxy.js";
import { query } from "../../test/support/query.js";
import { Primary } from "../store/primary.js";
import { DurableLog } from "./durable-log.js";

const TENANT = "00000000-0000-4000-8000-000000000001";
const UNAVAILABLE = { message: /did not answer/ };

let database: TestDatabase;
let syncTimeline: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const [row] = await query<{ file: string }>(
    database.url,
    "SELECT pg_walfile_name(pg_current_wal_lsn()) AS file",
  );
  syncTimeline = row?.file.slice(0, 8) ?? "";
});
afterAll(() => database.close());

/** One on the database, and how its barriers ended. */
function open(url = database.url, primary = new Primary(url)) {
  const ends: boolean[] = [];
  const settings = { connectTimeoutMs: 60_000, statementTimeoutMs: 60_000 };
  const durable = DurableLog.open(primary, settings, (_, isCommitted) => ends.push(isCommitted));
  onTestFinished(() => durable.close());
  return { durable, ends };
}

test("where no COMMIT waits for a standby nothing is waited for", async () => {
  const { durable, ends } = open();
  await durable.confirm(TENANT, { position: 7n, syncTimeline: "" });
  expect(ends).toEqual([]);
});

test("what this server committed, and all before it, is durable without a barrier", async () => {
  const { durable, ends } = open();
  durable.committed(TENANT, 7n);
  durable.committed(TENANT, 5n);
  await durable.confirm(TENANT, { position: 7n, syncTimeline });
  expect(ends).toEqual([]);
  await durable.confirm(TENANT, { position: 8n, syncTimeline });
  await durable.confirm(TENANT, { position: 8n, syncTimeline });
  expect(ends).toEqual([true]);
});

test("whoever asks while a barrier is under way shares the next one, whichever log it is about", async () => {
  const { durable, ends } = open();
  const first = durable.confirm(TENANT, { position: 1n, syncTimeline });
  // It begins once this turn is over.
  await new Promise(setImmediate);
  const others = Array.from({ length: 20 }, (_, i) =>
    durable.confirm(`tenant ${i}`, { position: 1n, syncTimeline }),
  );
  expect(durable.waiting).toBe(21);
  await Promise.all([first, ...others]);
  expect(ends).toEqual([true, true]);
  expect(durable.waiting).toBe(0);
});

test("a barrier of another timeline proves nothing", async () => {
  const { durable, ends } = open();
  const former = durable.confirm(TENANT, { position: 1n, syncTimeline: "000000FF" });
  await expect(former).rejects.toMatchObject(UNAVAILABLE);
  expect(ends).toEqual([true]);
  await durable.confirm(TENANT, { position: 1n, syncTimeline });
  expect(ends).toEqual([true, true]);
});

test("what was known of the logs is forgotten when the primary is another server", async () => {
  const primary = new Primary(database.url);
  const { durable, ends } = open(database.url, primary);
  durable.committed(TENANT, 7n);
  primary.refusedWrites(await primary.locate());
  await durable.confirm(TENANT, { position: 7n, syncTimeline });
  expect(ends).toEqual([true]);
});

test("a caller that gives up leaves the barrier to the others, and closing ends the wait of all", async () => {
  const proxy = await startDatabaseProxy(database.url);
  onTestFinished(() => proxy.close());
  const { durable } = open(proxy.url);
  proxy.stall();
  const patience = new AbortController();
  const read = { position: 1n, syncTimeline };
  const [impatient, patient] = [
    durable.confirm(TENANT, read, patience.signal),
    durable.confirm(TENANT, read, new AbortController().signal),
  ];
  patience.abort(new Error("gave up"));
  await expect(impatient).rejects.toThrow("gave up");
  expect(durable.waiting).toBe(1);
  // By now it connects to what does not answer.
  await new Promise(setImmediate);
  durable.close();
  await expect(patient).rejects.toMatchObject(UNAVAILABLE);
});
