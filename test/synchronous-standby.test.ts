import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceError } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import type { App } from "../src/app.js";
import { layoutOf } from "../src/postgres/layout.js";
import { findPostmaster } from "../src/postgres/postmaster-file.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../src/postgres/start-embedded-postgres.js";
import { connect } from "./support/connect.js";
import { observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { query } from "./support/query.js";
import { refusalOf } from "./support/refusal.js";
import { startServer } from "./support/start-server.js";
import { newTenant, present, readUpTo, type Tenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

/** What never comes takes that long. */
const NEVER_MS = 60_000;
/** The heartbeat must not notice: then the appender would refuse what these tests send. */
const NO_PROBE = { databaseProbeIntervalMs: 3_600_000 };

let directory: string;
let postgres: EmbeddedPostgres;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-sync-"));
  await chmod(directory, 0o755);
  postgres = await startEmbeddedPostgres({
    directory,
    logger: pino({ level: "silent" }),
    settings: { max_connections: "60", shared_buffers: "16MB" },
  });
});
afterEach(() => standbyIsBack());
afterAll(async () => {
  await postgres.close();
  await rm(directory, { recursive: true, force: true });
});

/** From now on every COMMIT waits for a standby that is not there. */
async function standbyIsAway(): Promise<void> {
  await execute(
    postgres.url,
    "ALTER SYSTEM SET synchronous_standby_names = 'nobody'",
    "SELECT pg_reload_conf()",
  );
  const client = await connect(postgres.url);
  onTestFinished(() => client.end());
  let isWaiting = true;
  const commitUntilOneWaits = async () => {
    while (isWaiting) await client.query("SELECT pg_logical_emit_message(true, 'test', '')");
  };
  const committed = commitUntilOneWaits().catch(() => {});
  onTestFinished(() => committed);
  await vi.waitFor(async () => expect(await waiting("SyncRep", "%'test'%")).toHaveLength(1), NEVER_MS);
  isWaiting = false;
}

async function standbyIsBack(): Promise<void> {
  await execute(postgres.url, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()");
}

/** Sessions that wait for an event in a statement like this, oldest first. */
async function waiting(event: string, statement: string): Promise<{ pid: number }[]> {
  return query(
    postgres.url,
    `SELECT pid FROM pg_stat_activity
     WHERE (wait_event = $1 OR wait_event_type = $1) AND query LIKE $2 AND pid <> pg_backend_pid() ORDER BY query_start`,
    [event, statement],
  );
}

const APPENDS = "%begin_append%";
const BARRIERS = "%commit_barrier%";

/** The session that waits so, once there is one; not one of these. */
async function oneWaiting(event: string, statement: string, others: readonly number[] = []): Promise<number> {
  return vi.waitFor(async () => {
    const found = (await waiting(event, statement)).find(({ pid }) => !others.includes(pid));
    return present(found).pid;
  }, NEVER_MS);
}

async function serve(overrides = {}): Promise<App> {
  const settings = {
    logLevel: "silent",
    drainTimeoutMs: 500,
    pollIntervalMs: 50,
    ...NO_PROBE,
    ...overrides,
  } as const;
  const app = await startServer(postgres.url, settings);
  onTestFinished(async () => {
    await standbyIsBack();
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

test.each([0, 1])(
  "a COMMIT that waits longer than a statement may run is not cancelled, and acknowledged once the standby is back (%i)",
  async (i) => {
    const app = await serve({ statementTimeoutMs: 200 });
    const tenant = newTenant(app);
    await standbyIsAway();
    const acknowledged = present(writesOf(tenant)[i])();
    const pid = await oneWaiting("SyncRep", i === 0 ? APPENDS : "COMMIT");
    // The next attempt waits for the lock that the first one holds.
    const isTriedAgain = told(oneWaiting("Lock", APPENDS), "tried again");
    expect(await first(told(acknowledged, "acknowledged"), isTriedAgain)).toBe("tried again");
    expect(await waiting("SyncRep", "%")).toContainEqual({ pid });
    expect(
      await query(postgres.url, "SELECT FROM holdfast.tenant_logs WHERE tenant_id = $1", [tenant.id]),
    ).toEqual([]);
    await standbyIsBack();
    await acknowledged;
    expect(await tenant.listAll()).toHaveLength(1);
    expect(await expectSoundLog(postgres.url, tenant.id)).toBe(1n);
  },
);

test.each([
  [0, "notice", "append"],
  [1, "notice", "change of state"],
  [0, "error", "append whose warnings are hidden"],
  [1, "error", "change of state whose warnings are hidden"],
])(
  "a COMMIT that somebody cancels is not acknowledged until the standby is back (%i, %s: %s)",
  async (i, level) => {
    await execute(postgres.url, `ALTER ROLE postgres SET client_min_messages = ${level}`);
    const app = await serve();
    const tenant = newTenant(app);
    await standbyIsAway();
    const acknowledged = present(writesOf(tenant)[i])();
    const cancelled: number[] = [];
    const cancel = async (statement: string) => {
      const pid = await oneWaiting("SyncRep", statement);
      cancelled.push(pid);
      await query(postgres.url, "SELECT pg_cancel_backend($1)", [pid]);
    };
    await cancel(i === 0 ? APPENDS : "COMMIT");
    // It is there, and on the primary alone: also when the barrier is cancelled.
    const barrier = oneWaiting("SyncRep", BARRIERS);
    expect(await first(told(acknowledged, "acknowledged"), told(barrier, "barrier"))).toBe("barrier");
    expect(
      await query(postgres.url, "SELECT FROM holdfast.tenant_logs WHERE tenant_id = $1", [tenant.id]),
    ).toHaveLength(1);
    await cancel(BARRIERS);
    const next = told(oneWaiting("SyncRep", BARRIERS, cancelled), "another barrier");
    expect(await first(told(acknowledged, "acknowledged"), next)).toBe("another barrier");
    await standbyIsBack();
    await acknowledged;
    expect(await tenant.listAll()).toHaveLength(1);
  },
);

test("what is committed on the primary alone is not told to subscribers, nor as the head of the log, by any server", async () => {
  const [writing, following] = await Promise.all([serve(), serve()]);
  const tenant = newTenant(writing);
  const follower = tenant.on(following);
  const before = follower.subscribe({ afterPosition: 0n });
  expect(present(await before.next())).toMatchObject({ caughtUp: true, position: 0n });
  await standbyIsAway();
  const acknowledged = insist(() => tenant.append(observation()));
  const pid = await oneWaiting("SyncRep", APPENDS);
  await query(postgres.url, "SELECT pg_cancel_backend($1)", [pid]);
  await oneWaiting("SyncRep", BARRIERS);

  const event = readUpTo(before, 1n);
  const from = (count: number) =>
    told(
      vi.waitFor(async () => expect(await barrierWaits(following)).toBe(count), NEVER_MS),
      "waiting",
    );
  expect(await first(told(event, "an event"), from(1))).toBe("waiting");
  const others = [
    readUpTo(follower.subscribe({ afterPosition: 0n }), 1n),
    follower.rpc.unary(AdminService.method.getLogHead, {}).then(({ position }) => position),
    follower.listAll(),
  ];
  expect(await first(...[event, ...others].map((other) => told(other, "told")), from(4))).toBe("waiting");
  await standbyIsBack();
  expect(await event).toHaveLength(1);
  expect(await Promise.all(others)).toMatchObject([{ length: 1 }, 1n, { length: 1 }]);
  await acknowledged;
});

test("what Postgres recovers of a COMMIT that waited when it was killed is neither acknowledged nor told before the standby is back", async () => {
  const app = await serve();
  const tenant = newTenant(app);
  const follow = async () => {
    const events = await insist(() => readUpTo(tenant.subscribe({ afterPosition: 0n }), 1n));
    return events.length;
  };
  await standbyIsAway();
  const acknowledged = present(writesOf(tenant)[0])();
  await oneWaiting("SyncRep", APPENDS);
  process.kill(present(findPostmaster(layoutOf(directory))).pid, "SIGKILL");
  const followed = follow();
  // Both are there: that of what waits to be acknowledged, and that of the subscriber.
  const both = vi.waitFor(async () => expect(await barrierWaits(app)).toBe(2), NEVER_MS);
  expect(await first(told(acknowledged, "acknowledged"), told(followed, "told"), told(both, "waiting"))).toBe(
    "waiting",
  );
  await standbyIsBack();
  await acknowledged;
  expect(await followed).toBe(1);
  expect(await expectSoundLog(postgres.url, tenant.id)).toBe(1n);
});

test("writers that try again for as long as a COMMIT waits leave no sessions behind in Postgres", async () => {
  const apps = await Promise.all([1, 2].map(() => serve({ statementTimeoutMs: 200 })));
  const tenant = newTenant(present(apps[0]));
  await standbyIsAway();
  const holder = tenant.append(observation()).catch(() => {});
  await oneWaiting("SyncRep", APPENDS);
  let isOver = false;
  const refusals = Array.from({ length: 50 }, () => 0);
  const writers = refusals.map(async (_, i) => {
    const entry = observation();
    const through = tenant.on(present(apps[i % apps.length]));
    while (!isOver) {
      await through.append(entry).catch(() => {
        refusals[i] = (refusals[i] ?? 0) + 1;
      });
    }
  });
  const sessions = async () => (await waiting("Lock", APPENDS)).length;
  await vi.waitFor(() => expect(Math.min(...refusals)).toBeGreaterThan(1), 2 * NEVER_MS);
  expect(await sessions()).toBeGreaterThan(0);
  isOver = true;
  await Promise.all(writers);
  // None of them waits as long as the COMMIT does, which waits on.
  await expect.poll(sessions).toBe(0);
  expect(await waiting("SyncRep", APPENDS)).toHaveLength(1);
  await standbyIsBack();
  await holder;
  await insist(() => tenant.append(observation()));
  await expectSoundLog(postgres.url, tenant.id);
});
