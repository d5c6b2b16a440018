import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { ActionSelectorService } from "../gen/holdfast/v1/action_selector_pb.js";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import type { App } from "../src/app.js";
import { startDatabaseProxy } from "./support/database-proxy.js";
import { observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { query } from "./support/query.js";
import { refusalOf } from "./support/refusal.js";
import { startPooler } from "./support/start-pooler.js";
import { startServer } from "./support/start-server.js";
import { type SynchronousPostgres, startSynchronousPostgres } from "./support/synchronous-postgres.js";
import { type EntryInit, newTenant, present, readUpTo, type Tenant } from "./support/tenant.js";
import { startTransactionPooler } from "./support/transaction-pooler.js";
import { expectSoundLog } from "./support/verify-log.js";

/** What never comes takes that long. */
const NEVER_MS = 60_000;
/** The heartbeat must not notice: then the appender would refuse what these tests send. */
const NO_PROBE = { databaseProbeIntervalMs: 3_600_000 };

const APPENDS = "%begin_append%";
const BARRIERS = "%commit_barrier%";

let postgres: SynchronousPostgres;

beforeAll(async () => {
  postgres = await startSynchronousPostgres({
    max_connections: "60",
    shared_buffers: "16MB",
    shared_preload_libraries: "pg_stat_statements",
  });
  await execute(postgres.url, "CREATE EXTENSION pg_stat_statements");
});
afterEach(() => postgres.standbyIsBack());
afterAll(() => postgres.close());

async function serve(overrides = {}, url = postgres.url): Promise<App> {
  const settings = {
    logLevel: "silent",
    drainTimeoutMs: 500,
    pollIntervalMs: 50,
    ...NO_PROBE,
    ...overrides,
  } as const;
  const app = await startServer(url, settings);
  onTestFinished(async () => {
    await postgres.standbyIsBack();
    await app.close();
  });
  return app;
}

/** Does it until it is done; only DATABASE_UNAVAILABLE may be between. */
async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      expect(refusalOf(error as ServiceError)).toMatchObject({
        reason: "DATABASE_UNAVAILABLE",
        mayRetry: true,
      });
      await delay(20);
    }
  }
}

/** Rows alone, in a statement of its own; and state, in a transaction of several. Each is sent again until it is answered. */
function writesOf(tenant: Tenant): (() => Promise<unknown>)[] {
  const [id, sessionId] = [randomUUID(), randomUUID()];
  return [
    () => insist(() => tenant.append(observation({ id }))),
    () => insist(() => tenant.rpc.unary(SessionService.method.openSession, { session: { id: sessionId } })),
  ];
}

/** What comes first; the other is awaited by nobody. */
function first(...promises: Promise<string>[]): Promise<string> {
  return Promise.race(promises);
}

const told = (promise: Promise<unknown>, what: string) => promise.then(() => what);

async function barrierWaits(app: App): Promise<number> {
  const metric = await app.metrics.getSingleMetric("holdfast_commit_barrier_waiting")?.get();
  return metric?.values[0]?.value ?? 0;
}

async function barriers(app: App, outcome: "committed" | "failed"): Promise<number> {
  const metric = await app.metrics.getSingleMetric("holdfast_commit_barriers_total")?.get();
  return metric?.values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
}

test.each([0, 1])(
  "a COMMIT that waits longer than a statement may run is not cancelled, and acknowledged once the standby is back (%i)",
  async (i) => {
    const app = await serve({ statementTimeoutMs: 200 });
    const tenant = newTenant(app);
    await postgres.standbyIsAway();
    const acknowledged = present(writesOf(tenant)[i])();
    const pid = await postgres.oneWaiting("SyncRep", i === 0 ? APPENDS : "COMMIT");
    // The next attempt waits for the lock that the first one holds.
    const isTriedAgain = told(postgres.oneWaiting("Lock", APPENDS), "tried again");
    expect(await first(told(acknowledged, "acknowledged"), isTriedAgain)).toBe("tried again");
    expect(await postgres.waiting("SyncRep", "%")).toContain(pid);
    expect(await logsOf(tenant)).toEqual([]);
    await postgres.standbyIsBack();
    await acknowledged;
    expect(await tenant.listAll()).toHaveLength(1);
    expect(await expectSoundLog(postgres.url, tenant.id)).toBe(1n);
  },
);

/** Cancels the COMMIT of a write, and the barrier after it; nothing may be acknowledged meanwhile. */
async function expectUnacknowledged(app: App, i: number): Promise<void> {
  const tenant = newTenant(app);
  await postgres.standbyIsAway();
  const acknowledged = present(writesOf(tenant)[i])();
  const cancel = async (statement: string) => {
    const pid = await postgres.oneWaiting("SyncRep", statement);
    await query(postgres.url, "SELECT pg_cancel_backend($1)", [pid]);
  };
  await cancel(i === 0 ? APPENDS : "COMMIT");
  // It is there, and on the primary alone: also when the barrier is cancelled.
  const barrier = postgres.oneWaiting("SyncRep", BARRIERS);
  expect(await first(told(acknowledged, "acknowledged"), told(barrier, "barrier"))).toBe("barrier");
  expect(await logsOf(tenant)).toHaveLength(1);
  await cancel(BARRIERS);
  // The next may be of the same session.
  const failed = vi.waitFor(async () => expect(await barriers(app, "failed")).toBe(1), NEVER_MS);
  const next = failed.then(() => postgres.oneWaiting("SyncRep", BARRIERS));
  expect(await first(told(acknowledged, "acknowledged"), told(next, "another barrier"))).toBe(
    "another barrier",
  );
  await postgres.standbyIsBack();
  await acknowledged;
  expect(await tenant.listAll()).toHaveLength(1);
}

const logsOf = ({ id }: Tenant) =>
  query(postgres.url, "SELECT FROM holdfast.tenant_logs WHERE tenant_id = $1", [id]);

test.each([
  [0, "an append", "notice"],
  [1, "a change of state", "notice"],
  [0, "an append whose warnings are hidden", "error"],
  [1, "a change of state whose warnings are hidden", "error"],
])(
  "a COMMIT that somebody cancels is not acknowledged until the standby is back (%i: %s)",
  async (i, _, level) => {
    await execute(postgres.url, `ALTER ROLE postgres SET client_min_messages = ${level}`);
    onTestFinished(() => execute(postgres.url, "ALTER ROLE postgres RESET client_min_messages"));
    await expectUnacknowledged(await serve(), i);
  },
);

const POOLERS = [
  ["a pooler", startTransactionPooler],
  ["PgBouncer", startPooler],
] as const;

test.for(POOLERS.flatMap((pooler) => [0, 1].map((i) => [...pooler, i] as const)))(
  "nor is one behind %s in transaction mode",
  async ([name, start, i], { skip }) => {
    await execute(postgres.url, "ALTER ROLE postgres SET client_min_messages = error");
    onTestFinished(() => execute(postgres.url, "ALTER ROLE postgres RESET client_min_messages"));
    // The embedded Postgres has a socket that only some accounts may use.
    const proxy = await startDatabaseProxy(postgres.url);
    onTestFinished(() => proxy.close());
    const pooler = await start(proxy.url);
    if (!pooler) return skip(`servers behind a pooler (${name} is not installed)`);
    onTestFinished(() => pooler.close());
    return expectUnacknowledged(await serve({ databaseListenUrl: postgres.url }, pooler.url), i);
  },
);

/** Commits an entry on the primary alone, and answers how it is acknowledged in the end. */
async function commitAlone(
  tenant: Tenant,
  entry: EntryInit,
): Promise<{ readonly acknowledged: Promise<unknown> }> {
  await postgres.standbyIsAway();
  const acknowledged = insist(() => tenant.append(entry));
  const pid = await postgres.oneWaiting("SyncRep", APPENDS);
  await query(postgres.url, "SELECT pg_cancel_backend($1)", [pid]);
  await postgres.oneWaiting("SyncRep", BARRIERS);
  return { acknowledged };
}

/** Waits until as many wait for a barrier of this server; none of these may be answered before. */
async function expectToWait(app: App, count: number, answers: readonly Promise<unknown>[]): Promise<void> {
  const counted = vi.waitFor(async () => expect(await barrierWaits(app)).toBe(count), NEVER_MS);
  expect(await first(told(counted, "waiting"), ...answers.map((each) => told(each, "answered")))).toBe(
    "waiting",
  );
}

test("what is committed on the primary alone is not told to subscribers, nor as the head of the log, by any server", async () => {
  const [writing, following] = await Promise.all([serve(), serve()]);
  const tenant = newTenant(writing);
  const follower = tenant.on(following);
  const before = follower.subscribe({ after: { position: 0n } });
  expect(present(await before.next())).toMatchObject({ caughtUp: true, cursor: { position: 0n } });
  const { acknowledged } = await commitAlone(tenant, observation());
  const events = readUpTo(before, 1n);
  await expectToWait(following, 1, [events]);
  const others = [
    readUpTo(follower.subscribe({ after: { position: 0n } }), 1n),
    follower.rpc.unary(AdminService.method.getLogHead, {}).then(({ position }) => position),
    follower.listAll(),
  ];
  await expectToWait(following, 4, [events, ...others]);
  await postgres.standbyIsBack();
  expect(await events).toHaveLength(1);
  expect(await Promise.all(others)).toMatchObject([{ length: 1 }, 1n, { length: 1 }]);
  await acknowledged;
});

test("a request that repeats an earlier one is not answered by another server either", async () => {
  const [writing, other] = await Promise.all([serve(), serve()]);
  const tenant = newTenant(writing);
  const { id: sessionId } = await tenant.open();
  const fork = { sessionId, session: { id: randomUUID() } };
  const selection = { id: randomUUID(), candidates: ["wait", "go"], requestId: randomUUID(), sessionId };
  const requests = (by: Tenant) => [
    () => by.rpc.unary(SessionService.method.forkSession, fork),
    () => by.rpc.unary(ActionSelectorService.method.selectAction, selection),
  ];
  const actionSelector = { id: selection.id, type: "greedy" };
  await tenant.rpc.unary(ActionSelectorService.method.createActionSelector, { actionSelector });
  const answers = [];
  for (const request of requests(tenant)) answers.push(await request());
  const entry = observation({ id: randomUUID() });
  const { acknowledged } = await commitAlone(tenant, entry);
  const through = tenant.on(other);
  const repeated = requests(through).map((request) => request());
  const duplicate = through.append(entry);
  await expectToWait(other, 3, [...repeated, duplicate]);
  await postgres.standbyIsBack();
  expect(await Promise.all(repeated)).toEqual(answers);
  expect(await duplicate).toEqual(await acknowledged);
});

test("what Postgres recovers of a COMMIT that waited when it was killed is neither acknowledged nor told before the standby is back", async () => {
  const app = await serve();
  const tenant = newTenant(app);
  const follow = async () => {
    const events = await insist(() => readUpTo(tenant.subscribe({ after: { position: 0n } }), 1n));
    return events.length;
  };
  await postgres.standbyIsAway();
  const acknowledged = present(writesOf(tenant)[0])();
  await postgres.oneWaiting("SyncRep", APPENDS);
  postgres.kill();
  const followed = follow();
  // Both are there: that of what waits to be acknowledged, and that of the subscriber.
  const both = vi.waitFor(async () => expect(await barrierWaits(app)).toBe(2), NEVER_MS);
  expect(await first(told(acknowledged, "acknowledged"), told(followed, "told"), told(both, "waiting"))).toBe(
    "waiting",
  );
  await postgres.standbyIsBack();
  await acknowledged;
  expect(await followed).toBe(1);
  expect(await expectSoundLog(postgres.url, tenant.id)).toBe(1n);
});

test("writers that try again for as long as a COMMIT waits leave no sessions behind in Postgres", async () => {
  const apps = await Promise.all([1, 2].map(() => serve({ statementTimeoutMs: 200 })));
  const tenant = newTenant(present(apps[0]));
  await postgres.standbyIsAway();
  const holder = tenant.append(observation()).catch(() => {});
  await postgres.oneWaiting("SyncRep", APPENDS);
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  const refusals = Array.from({ length: 50 }, () => 0);
  const writers = refusals.map(async (_, i) => {
    const entry = observation();
    const through = tenant.on(present(apps[i % apps.length]));
    while (!isOver) {
      await through.append(entry).catch(() => {
        refusals[i] = (refusals[i] ?? 0) + 1;
      });
      await delay(1);
    }
  });
  const sessions = async () => (await postgres.waiting("Lock", APPENDS)).length;
  await vi.waitFor(() => expect(Math.min(...refusals)).toBeGreaterThan(0), 2 * NEVER_MS);
  await expect.poll(sessions).toBeGreaterThan(0);
  isOver = true;
  await Promise.all(writers);
  // None of them waits as long as the COMMIT does, which waits on.
  await expect.poll(sessions).toBe(0);
  expect(await postgres.waiting("SyncRep", APPENDS)).toHaveLength(1);
  await postgres.standbyIsBack();
  await holder;
  await insist(() => tenant.append(observation()));
  await expectSoundLog(postgres.url, tenant.id);
});

/** How often each kind of statement was run, by how it begins, while this was done. */
async function statementsDuring(what: () => Promise<unknown>): Promise<Record<string, number>> {
  await query(postgres.url, "SELECT pg_stat_statements_reset()");
  await what();
  const rows = await query<{ begins: string; calls: bigint }>(
    postgres.url,
    `SELECT substring(ltrim(query, E'\\n') FROM '^\\w+') AS begins, sum(calls)::bigint AS calls FROM pg_stat_statements
     WHERE query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE '%pg_notify%' GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ begins, calls }) => [begins, Number(calls)]));
}

test("without a synchronous standby an append is one statement, and one that is repeated reads once what is there", async () => {
  const app = await serve({ pollIntervalMs: 3_600_000 });
  const tenant = newTenant(app);
  const entry = observation();
  await tenant.append(observation());
  expect(await statementsDuring(() => tenant.append(entry))).toEqual({ WITH: 1 });
  // Beside it, what begins and ends the transaction; the statement that was refused is not counted.
  const { SELECT, WITH, ...around } = await statementsDuring(() => tenant.append(entry));
  expect({ SELECT, WITH }).toEqual({ SELECT: 1, WITH: undefined });
  expect(Object.keys(around).sort()).toEqual(["BEGIN", "COMMIT", "SET"]);
  expect(
    await query(postgres.url, "SELECT FROM pg_stat_activity WHERE application_name = 'holdfast barrier'"),
  ).toEqual([]);
});
