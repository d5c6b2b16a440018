import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { GoalService } from "../gen/holdfast/v1/goal_pb.js";
import { openDatabase } from "../src/store/database.js";
import { openWriter } from "./support/append-writer.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { startDatabaseProxy } from "./support/database-proxy.js";
import { observation } from "./support/entries.js";
import { query } from "./support/query.js";
import { startPooler } from "./support/start-pooler.js";
import { startServer } from "./support/start-server.js";
import { newTenant, present, readUpTo } from "./support/tenant.js";
import { startTransactionPooler } from "./support/transaction-pooler.js";
import { expectSoundLog } from "./support/verify-log.js";

/** What never comes takes that long. */
const NEVER_MS = 60_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** What PgBouncer takes as connections begin, without being told to ignore more. */
const TAKEN_BY_POOLERS = ["user", "database", "client_encoding", "application_name"];

test("no connection begins with a setting that a pooler refuses", async () => {
  const proxy = await startDatabaseProxy(database.url);
  onTestFinished(() => proxy.close());
  const app = await startServer(proxy.url, { logLevel: "silent", databaseProbeIntervalMs: 10 });
  onTestFinished(() => app.close());
  await newTenant(app).append(observation());
  await delay(50); // the probe's first look
  expect(TAKEN_BY_POOLERS).toEqual(expect.arrayContaining([...proxy.startupParameters]));
});

test("a read that takes too long is ended in Postgres, though the connection was not told how long it may", async () => {
  const limits = { maxConnections: 1, connectTimeoutMs: 5000, statementTimeoutMs: 200 };
  const own = openDatabase(
    { url: database.url, preparedStatements: false, ...limits },
    pino({ level: "silent" }),
  );
  onTestFinished(() => own.close());
  const text = `SELECT pg_sleep(600), '${randomUUID()}'`;
  await expect(own.readAll((run) => run(text))).rejects.toMatchObject({ message: /did not answer/ });
  const running = () =>
    query(database.url, `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = $1`, [text]);
  await expect.poll(async () => (await running()).length).toBe(0);
});

/** How a server says whether statements are prepared by name. */
const SETTINGS = ["auto", false] as const;

test.each(SETTINGS)(
  "two servers behind a pooler in transaction mode serve everyone, with prepared statements set to %s",
  async (preparedStatements) => {
    const pooler = await startTransactionPooler(database.url);
    onTestFinished(() => pooler.close());
    await expectServedBehind(pooler.url, preparedStatements);
  },
);

test.for(SETTINGS)(
  "two servers behind PgBouncer in transaction mode serve everyone, with prepared statements set to %s",
  async (preparedStatements, { skip }) => {
    // The embedded Postgres has a socket that only some accounts may use.
    const proxy = await startDatabaseProxy(database.url);
    onTestFinished(() => proxy.close());
    const pooler = await startPooler(proxy.url);
    if (!pooler) return skip("servers behind a pooler (PgBouncer is not installed)");
    onTestFinished(() => pooler.close());
    return expectServedBehind(pooler.url, preparedStatements);
  },
);

test("nothing is refused where statements are prepared in spite of a pooler: they go again, without a name", async () => {
  const pooler = await startTransactionPooler(database.url);
  onTestFinished(() => pooler.close());
  const app = await startServer(pooler.url, {
    logLevel: "silent",
    preparedStatements: true,
    databaseListenUrl: database.url,
    drainTimeoutMs: 500,
  });
  onTestFinished(() => app.close());
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      const tenant = newTenant(app);
      const writer = await openWriter(tenant);
      for (let i = 0; i < 20; i += 1) {
        const { rejections } = await writer.append(BigInt(i), observation(), observation());
        expect(rejections).toEqual([]);
      }
      expect(await expectSoundLog(database.url, tenant.id)).toBe(40n);
    }),
  );
});

test("auto prepares statements on a direct connection, and does not through a pooler", async () => {
  const pooler = await startTransactionPooler(database.url);
  onTestFinished(() => pooler.close());
  const preparedBy = async (url: string, preparedStatements: boolean | "auto") => {
    const limits = { maxConnections: 1, connectTimeoutMs: NEVER_MS, statementTimeoutMs: NEVER_MS };
    const own = openDatabase({ url, preparedStatements, ...limits }, pino({ level: "silent" }));
    const name = `named ${randomUUID()}`;
    try {
      await own.run({ name, text: "SELECT 1" });
      return (await own.run({ text: "SELECT FROM pg_prepared_statements WHERE name = $1", values: [name] }))
        .length;
    } finally {
      await own.close();
    }
  };
  expect(await preparedBy(database.url, "auto")).toBe(1);
  expect(await preparedBy(database.url, false)).toBe(0);
  expect(await preparedBy(pooler.url, "auto")).toBe(0);
});

async function expectServedBehind(url: string, preparedStatements: boolean | "auto"): Promise<void> {
  const settings = {
    logLevel: "silent",
    preparedStatements,
    databaseListenUrl: database.url,
    drainTimeoutMs: 500,
  } as const;
  const apps = await Promise.all([0, 1].map(() => startServer(url, settings)));
  onTestFinished(async () => void (await Promise.all(apps.map((app) => app.close()))));

  await Promise.all(
    Array.from({ length: 6 }, async (_, n) => {
      const tenant = newTenant(present(apps[n % 2]));
      const other = tenant.on(present(apps[(n + 1) % 2]));
      const subscription = other.subscribe({ after: { position: 0n } });
      const writer = await openWriter(tenant);
      const { goal } = await tenant.rpc.unary(GoalService.method.createGoal, { goal: { title: "ours" } });
      const id = present(goal).id;
      for (let i = 0; i < 20; i += 1) {
        await Promise.all([
          writer.append(BigInt(i), ...Array.from({ length: 10 }, () => observation({ content: `${n}` }))),
          other.rpc.unary(GoalService.method.updateGoal, {
            goal: { id, priority: i / 20 },
            updateMask: { paths: ["priority"] },
          }),
        ]);
      }
      const events = await readUpTo(subscription, 221n);
      expect(events.map((event) => event.position)).toEqual(
        Array.from({ length: 221 }, (_, i) => BigInt(i + 1)),
      );
      const { goals } = await other.rpc.unary(GoalService.method.listGoals, {});
      expect(goals.map((each) => each.id)).toEqual([id]);
      expect(await expectSoundLog(database.url, tenant.id)).toBe(221n);
    }),
  );
}
