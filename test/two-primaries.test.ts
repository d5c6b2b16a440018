import pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { App } from "../src/app.js";
import { Primary } from "../src/store/primary.js";
import { startDatabaseProxy } from "./support/database-proxy.js";
import { observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { untilHealth } from "./support/health.js";
import { hostListUrl, hostOf, type PostgresCopy, startPostgresCopies } from "./support/postgres-copies.js";
import { query } from "./support/query.js";
import { refusal } from "./support/refusal.js";
import { startServer } from "./support/start-server.js";
import { newTenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

/** What never comes takes that long; on a machine that is busy with other things all else comes in seconds. */
const NEVER_MS = 60_000;
const ALL = ["holdfast", "holdfast listen", "holdfast probe"];

/** The tests build on each other: a promotion cannot be taken back. */
let copies: PostgresCopy[] = [];
const [first, second, third] = [0, 1, 2].map((i) => () => copies[i] as PostgresCopy) as [
  () => PostgresCopy,
  () => PostgresCopy,
  () => PostgresCopy,
];
beforeAll(async () => {
  copies = await startPostgresCopies(3);
});
afterAll(async () => {
  for (const copy of copies) await copy.close();
});

const urlOf = (...of: PostgresCopy[]) =>
  hostListUrl(
    of.map(({ proxy }) => proxy),
    "read-write",
  );

async function serve(url: string): Promise<App> {
  // The append that waits is to be left alone for as long as the test may take.
  const app = await startServer(url, {
    logLevel: "silent",
    drainTimeoutMs: 500,
    statementTimeoutMs: 2 * NEVER_MS,
  });
  onTestFinished(() => app.close());
  await untilHealth(app, "SERVING");
  return app;
}

async function untilState(app: App, state: string): Promise<void> {
  const states = async () => {
    const metric = await app.metrics.getSingleMetric("holdfast_database_state")?.get();
    return metric?.values.filter(({ value }) => value === 1).map(({ labels }) => labels.state);
  };
  await vi.waitFor(async () => expect(await states()).toEqual([state]), NEVER_MS);
}

/** Takes the lock that an append to this log needs; an append that is under way then waits until it is let go. */
async function lockLog({ postgres }: PostgresCopy, tenantId: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: postgres.url });
  client.on("error", () => {});
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT FROM holdfast.tenant_logs WHERE tenant_id = $1 FOR UPDATE", [tenantId]);
  return () => client.end();
}

async function appendWaits({ postgres }: PostgresCopy): Promise<boolean> {
  const rows = await query(
    postgres.url,
    "SELECT FROM pg_stat_activity WHERE application_name = 'holdfast' AND wait_event_type = 'Lock'",
  );
  return rows.length > 0;
}

test("when a standby is promoted beside its primary, servers go to it, and with them the append that is under way", async () => {
  const silent = await startDatabaseProxy(first().postgres.url);
  silent.stall();
  onTestFinished(() => silent.close());
  const app = await serve(hostListUrl([silent, first().proxy, second().proxy], "read-write"));
  const [tenant, other] = [newTenant(app), newTenant(app)];
  await tenant.append(observation());
  const unlock = await lockLog(first(), tenant.id);
  const waiting = tenant.append(observation());
  await vi.waitFor(async () => expect(await appendWaits(first())).toBe(true), NEVER_MS);
  await second().promote();
  await waiting;
  await unlock();
  await untilHealth(app, "SERVING");
  await other.append(observation());
  for (const { id } of [tenant, other]) {
    await expectSoundLog(second().postgres.url, id);
    const rows = await query(
      second().postgres.url,
      `SELECT FROM holdfast.observations WHERE tenant_id = '${id}'`,
    );
    expect(rows).toHaveLength(1);
  }
  await vi.waitFor(async () => expect(await second().connections()).toEqual(ALL), NEVER_MS);
  await vi.waitFor(async () => expect(await first().connections()).toEqual([]), NEVER_MS);
});

test("of two servers that take writes the one of the higher timeline is chosen, whatever their order, by an ordinary role", async () => {
  for (const { postgres } of [first(), second()]) await execute(postgres.url, "CREATE ROLE plain LOGIN");
  const { host: expected } = new URL(`postgres://${hostOf(second().proxy)}`);
  for (const order of [
    [first(), second()],
    [second(), first()],
  ]) {
    const proxies = order.map(({ proxy }) => proxy);
    const { host } = await new Primary(hostListUrl(proxies, "primary", "plain")).locate();
    expect(`${host?.host}:${host?.port}`).toBe(expected);
  }
});

test("one server under two names is one server", async () => {
  const other = await startDatabaseProxy(second().postgres.url);
  onTestFinished(() => other.close());
  const primary = new Primary(hostListUrl([other, second().proxy], "read-write"));
  const { host } = await primary.locate();
  expect(`${host?.host}:${host?.port}`).toBe(hostOf(other));
});

test("a server that went to the higher timeline does not go back to the lower one", async () => {
  const primary = new Primary(urlOf(first(), second()));
  await primary.locate();
  await second().postgres.close();
  primary.lookAgain();
  await expect(primary.locate()).rejects.toThrow(
    `${hostOf(first().proxy)} is on timeline 1, which timeline 2 has replaced`,
  );
  await second().start();
  const { host } = await primary.locate();
  expect(`${host?.host}:${host?.port}`).toBe(hostOf(second().proxy));
});

test("of two servers with one timeline neither is written to until one of them is stopped", async () => {
  const url = urlOf(second(), third());
  const app = await serve(url);
  const tenant = newTenant(app);
  await tenant.append(observation());
  await third().promote();
  await untilState(app, "conflicting");
  await untilHealth(app, "NOT_SERVING");
  expect(await refusal(tenant.append(observation()))).toMatchObject({ reason: "DATABASE_UNAVAILABLE" });
  await vi.waitFor(async () => expect(await second().connections()).toEqual([]), NEVER_MS);
  const both = `${hostOf(second().proxy)} (timeline 2) and ${hostOf(third().proxy)} (timeline 2)`;
  await expect(new Primary(url).locate()).rejects.toThrow(
    `two servers of the database URL take writes and neither is the newer one: ${both}. ` +
      "Holdfast writes to neither. Stop one of them, or make it a standby of the other",
  );
  await third().postgres.close();
  await untilHealth(app, "SERVING");
  await tenant.append(observation());
  await expectSoundLog(second().postgres.url, tenant.id);
});
