import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { App } from "../src/app.js";
import { migrateUp } from "../src/store/migrate.js";
import { Primary } from "../src/store/primary.js";
import { observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { untilHealth } from "./support/health.js";
import { hostListUrl, hostOf, type PostgresCopy, startPostgresCopies } from "./support/postgres-copies.js";
import { runCommand } from "./support/run-command.js";
import { startServer } from "./support/start-server.js";
import { newTenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

/** What never comes takes that long. */
const NEVER_MS = 60_000;

/** The second is a copy of the first, and its standby until it is promoted. */
let copies: PostgresCopy[] = [];
const [first, second] = [() => copies[0] as PostgresCopy, () => copies[1] as PostgresCopy];
beforeAll(async () => {
  copies = await startPostgresCopies(2);
});
afterAll(async () => {
  for (const copy of copies) await copy.close();
});

/** A URL that lists them, in this order. */
function urlOf(of: readonly PostgresCopy[], target: string): string {
  return hostListUrl(
    of.map(({ proxy }) => proxy),
    target,
  );
}

async function serve(url: string): Promise<App> {
  const app = await startServer(url, { logLevel: "silent", drainTimeoutMs: 500 });
  onTestFinished(() => app.close());
  await untilHealth(app, "SERVING");
  return app;
}

const ALL = ["holdfast", "holdfast listen", "holdfast probe"];

test("of a list the primary is used, by all connections and by the command line", async () => {
  const url = urlOf([second(), first()], "primary");
  const app = await serve(url);
  const tenant = newTenant(app);
  await tenant.append(observation());
  await expectSoundLog(first().postgres.url, tenant.id);
  await vi.waitFor(async () => expect(await first().connections()).toEqual(ALL), NEVER_MS);
  expect(await second().connections()).toEqual([]);
  const { code, stdout } = await runCommand(["migrate", "up"], { DATABASE_URL: url });
  expect([code, stdout]).toEqual([0, "nothing to do: the database is up to date\n"]);
});

test("where no server takes writes the error names each, without the password", async () => {
  const url = urlOf([second(), second()], "read-write");
  const host = hostOf(second().proxy);
  await expect(new Primary(url).locate()).rejects.toThrow(
    `no server of the database URL takes writes: ${host} is a standby; ${host} is a standby`,
  );
  const one = `${second().proxy.url}&target_session_attrs=primary`;
  await expect(migrateUp({ url: one })).rejects.toThrow(`${host} is a standby`);
  const gone = url.replaceAll(host, "127.0.0.1:1");
  await expect(new Primary(gone).locate()).rejects.toThrow("127.0.0.1:1: connect ECONNREFUSED");
  await expect(new Primary(gone).locate()).rejects.not.toThrow("secret");
});

test("a server that never answers does not keep the next from being asked", async () => {
  first().proxy.stall();
  try {
    const { host } = await new Primary(urlOf([first(), second()], "any")).locate();
    expect(`127.0.0.1:${host?.port}`).toBe(hostOf(second().proxy));
  } finally {
    first().proxy.restore();
  }
});

test("after a failover the standby that was promoted is written to, without a restart", async () => {
  const app = await serve(urlOf([first(), second()], "read-write"));
  await newTenant(app).append(observation());
  await first().postgres.close();
  await untilHealth(app, "NOT_SERVING");
  await second().promote();
  await untilHealth(app, "SERVING");
  const tenant = newTenant(app);
  await tenant.append(observation());
  await tenant.listAll();
  await expectSoundLog(second().postgres.url, tenant.id);
  await vi.waitFor(async () => expect(await second().connections()).toEqual(ALL), NEVER_MS);
});

test("a primary that becomes read-only is left by every connection", async () => {
  // The other one becomes a standby of the same timeline.
  await first().start("standby");
  await first().promote();
  await first().postgres.close();
  await first().start("standby");
  const app = await serve(urlOf([second(), first()], "read-write"));
  await newTenant(app).append(observation());
  await execute(
    second().postgres.url,
    "ALTER SYSTEM SET default_transaction_read_only = on",
    "SELECT pg_reload_conf()",
  );
  await untilHealth(app, "NOT_SERVING");
  // As a managed failover leaves them.
  await first().promote();
  const other = newTenant(app);
  await vi.waitFor(() => other.append(observation()), NEVER_MS);
  await vi.waitFor(async () => expect(await second().connections()).toEqual([]), NEVER_MS);
  await untilHealth(app, "SERVING");
  await expectSoundLog(first().postgres.url, other.id);
  await vi.waitFor(async () => expect(await first().connections()).toEqual(ALL), NEVER_MS);
});
