import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import type { App } from "../src/app.js";
import { beginAs } from "../src/store/begin-as.js";
import { openDatabase } from "../src/store/database.js";
import { openWriter } from "./support/append-writer.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { type DatabaseProxy, startDatabaseProxy } from "./support/database-proxy.js";
import { action, finishAction, observation } from "./support/entries.js";
import { query } from "./support/query.js";
import { refusal, refusalFromStatus, refusalOf } from "./support/refusal.js";
import { startServer } from "./support/start-server.js";
import { type EntryInit, newTenant, present, type Tenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

async function serve(url: string, overrides = {}): Promise<App> {
  const app = await startServer(url, { logLevel: "silent", drainTimeoutMs: 500, ...overrides });
  onTestFinished(() => app.close());
  return app;
}

/** Ends every connection that servers hold to the database. Returns how many there were. */
async function terminateConnections(): Promise<number> {
  const rows = await query(
    database.url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'holdfast%'`,
  );
  return rows.length;
}

/** Appends until it is acknowledged, as a client would; only UNAVAILABLE may be between. */
async function insist(tenant: Tenant, entries: readonly EntryInit[]): Promise<bigint[]> {
  for (;;) {
    try {
      const { positions, rejections } = await tenant.append(...entries);
      expect(rejections).toEqual([]);
      return positions;
    } catch (error) {
      expect(refusalOf(error as ServiceError)).toMatchObject({
        code: status.UNAVAILABLE,
        reason: "DATABASE_UNAVAILABLE",
        mayRetry: true,
      });
      await delay(20);
    }
  }
}

describe("when the database ends every connection again and again", () => {
  test("nothing acknowledged is lost or doubled, and the server goes on by itself", async () => {
    const app = await serve(database.url, { pollIntervalMs: 50 });
    const tenant = newTenant(app);
    const { id: sessionId } = await tenant.open();
    const acknowledged = new Map<string, bigint>();
    const acknowledge = (id: string, position: bigint) => {
      expect(acknowledged.get(id) ?? position).toBe(position);
      acknowledged.set(id, position);
    };
    let isOver = false;

    const unary = async () => {
      while (!isOver) {
        const [a, b] = [randomUUID(), randomUUID()];
        const entries = [observation({ id: a, sessionId }), action({ id: b, sessionId }), finishAction(b)];
        const [first, second] = await insist(tenant, entries);
        acknowledge(a, present(first));
        acknowledge(b, present(second));
      }
    };
    const streaming = async () => {
      let writer = await openWriter(tenant);
      for (let sequence = 0n; !isOver; sequence++) {
        const id = randomUUID();
        for (;;) {
          writer.send(sequence, [observation({ id, sessionId })]);
          const { outcome } = await writer.answer();
          if (outcome.case === "result") {
            acknowledge(id, present(outcome.value.positions[0]));
            break;
          }
          expect(refusalFromStatus(outcome.value)).toMatchObject({
            code: status.UNAVAILABLE,
            mayRetry: true,
          });
          // A stream on which a batch failed stores nothing more, so that nothing overtakes it.
          writer = await openWriter(tenant);
        }
      }
    };
    const following = async () => {
      const seen: bigint[] = [];
      while (!isOver || seen.length < Math.max(...[...acknowledged.values()].map(Number))) {
        const answers = tenant.subscribe({ after: { position: BigInt(seen.length) } });
        try {
          while (!isOver || seen.length < Math.max(...[...acknowledged.values()].map(Number))) {
            seen.push(...present(await answers.next()).events.map((event) => event.position));
          }
        } catch (error) {
          expect(refusalOf(error as ServiceError).code).toBe(status.UNAVAILABLE);
        }
        answers.cancel();
      }
      return seen;
    };

    const writing = [unary(), unary(), streaming(), streaming()];
    const followed = following();
    let terminated = 0;
    for (let round = 0; round < 15 || terminated <= 15 || acknowledged.size <= 20; round++) {
      await delay(100);
      terminated += await terminateConnections();
    }
    isOver = true;
    await Promise.all(writing);
    const seen = await followed;
    expect(seen).toEqual(seen.map((_, i) => BigInt(i + 1)));

    const events = await tenant.listAll();
    const created = new Map(
      events.filter((event) => event.change === 1).map((event) => [event.entity.value?.id, event.position]),
    );
    for (const [id, position] of acknowledged) expect(created.get(id)).toBe(position);
    expect(created.size).toBe(acknowledged.size + 1);
    await expectSoundLog(database.url, tenant.id);
  });
});

describe("when a server stands still in the middle of a flush", () => {
  test("what it has locked is free again after a while, and the others write on", async () => {
    const tenant = newTenant(await serve(database.url));
    const { id } = await tenant.open();
    const settings = { maxConnections: 1, connectTimeoutMs: 5000, statementTimeoutMs: 30_000 };
    const still = openDatabase(
      { url: database.url, preparedStatements: true, ...settings },
      pino({ level: "silent" }),
    );
    onTestFinished(() => still.close());
    let goOn = () => {};
    const standing = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const locked = new Promise<void>((resolve, reject) => {
      const flush = still.withConnection(async (run) => {
        await run(beginAs(tenant.id, "READ WRITE"));
        await run({ text: "SELECT holdfast.lock_sessions($1::uuid, $2::uuid[])", values: [tenant.id, [id]] });
        resolve();
        await standing;
        return run("COMMIT");
      });
      flush.then(() => reject(new Error("expected its transaction to be over")), reject);
    });
    locked.catch(() => {});
    await locked;
    const { session } = await tenant.rpc.unary(SessionService.method.closeSession, { id });
    expect(session?.revision).toBe(2n);
    goOn();
  });
});

describe("when the database cannot be reached", () => {
  let proxy: DatabaseProxy;
  afterEach(() => proxy.close());

  test("every call is UNAVAILABLE with the time to retry after, and works once it is back", async () => {
    proxy = await startDatabaseProxy(database.url);
    const app = await serve(proxy.url);
    const tenant = newTenant(app);
    const { id, position } = await tenant.open();
    const answers = tenant.subscribe({ after: { position: 0n } });
    await answers.next();
    proxy.cut();
    const entry = observation({ sessionId: id });
    const calls = [
      () => tenant.append(entry),
      () => tenant.open(),
      () => tenant.rpc.unary(SessionService.method.getSession, { key: { case: "id", value: id } }),
      () => tenant.rpc.unary(SessionService.method.listSessions, {}),
      () => tenant.rpc.unary(EventService.method.listEvents, {}),
      () => tenant.subscribe().next(),
    ];
    for (const refused of await Promise.all(calls.map((call) => refusal(call())))) {
      expect(refused).toMatchObject({
        code: status.UNAVAILABLE,
        reason: "DATABASE_UNAVAILABLE",
        mayRetry: true,
      });
      expect(refused.message).not.toMatch(/ECONN|socket|postgres|127\.0\.0\.1/i);
    }
    proxy.restore();
    const [stored] = await insist(tenant, [entry]);
    expect(stored).toBe(position + 1n);
    expect((await answers.next())?.events.map((event) => event.position)).toEqual([2n]);
    answers.cancel();
    await expectSoundLog(database.url, tenant.id);
  });

  test("because nothing comes back from it, calls end as UNAVAILABLE in bounded time", async () => {
    proxy = await startDatabaseProxy(database.url);
    const app = await serve(proxy.url, { statementTimeoutMs: 500, connectTimeoutMs: 500 });
    const tenant = newTenant(app);
    const { id } = await tenant.open();
    proxy.stall();
    const stalled = [
      tenant.append(observation()),
      tenant.rpc.unary(SessionService.method.getSession, { key: { case: "id", value: id } }),
    ].map((answer) => refusal(Promise.race([answer, delay(120_000, undefined, { ref: false })])));
    try {
      for (const refused of await Promise.all(stalled)) expect(refused.reason).toBe("DATABASE_UNAVAILABLE");
    } finally {
      proxy.restore();
    }
    await insist(tenant, [observation()]);
  });
});
