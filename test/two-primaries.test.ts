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
  // The COMMIT that hangs is to be left alone for as long as the test may take.
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

async function set({ postgres }: PostgresCopy, name: string, value: string): Promise<void> {
  await execute(postgres.url, `ALTER SYSTEM SET ${name} = '${value}'`, "SELECT pg_reload_conf()");
  const current = async () =>
    (await query<{ value: string }>(postgres.url, `SELECT current_setting('${name}') AS value`))[0]?.value;
  await vi.waitFor(async () => expect(await current()).toBe(value), NEVER_MS);
}

async function waitsForStandby({ postgres }: PostgresCopy): Promise<boolean> {
  const rows = await query(
    postgres.url,
    "SELECT FROM pg_stat_activity WHERE application_name = 'holdfast' AND wait_event = 'SyncRep'",
  );
  return rows.length > 0;
}

test("when a standby is promoted beside its primary, servers go to it, and with them what no standby confirmed", async () => {
  const silent = await startDatabaseProxy(first().postgres.url);
  silent.stall();
  onTestFinished(() => silent.close());
  const app = await serve(hostListUrl([silent, first().proxy, second().proxy], "read-write"));
  const tenant = newTenant(app);
  await set(first(), "synchronous_standby_names", "nobody");
  const waiting = tenant.append(observation());
  await vi.waitFor(async () => expect(await waitsForStandby(first())).toBe(true), NEVER_MS);
  await second().promote();
  await waiting;
  await untilHealth(app, "SERVING");
  await tenant.append(observation());
  await expectSoundLog(second().postgres.url, tenant.id);
  const rows = await query(
    second().postgres.url,
    `SELECT FROM holdfast.observations WHERE tenant_id = '${tenant.id}'`,
  );
  expect(rows).toHaveLength(2);
  await vi.waitFor(async () => expect(await second().connections()).toEqual(ALL), NEVER_MS);
  // A session that waits for a standby does not notice that its client has gone.
  await set(first(), "synchronous_standby_names", "");
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
