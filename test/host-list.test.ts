import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { App } from "../src/app.js";
import { layoutOf } from "../src/postgres/layout.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../src/postgres/start-embedded-postgres.js";
import { migrateUp } from "../src/store/migrate.js";
import { Primary } from "../src/store/primary.js";
import { type DatabaseProxy, startDatabaseProxy } from "./support/database-proxy.js";
import { observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { untilHealth } from "./support/health.js";
import { query } from "./support/query.js";
import { runCommand } from "./support/run-command.js";
import { startServer } from "./support/start-server.js";
import { newTenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

/** What never comes takes that long. */
const NEVER_MS = 60_000;

/** A Postgres of the test's own, which a proxy lets be reached by host and port. */
interface Member {
  readonly directory: string;
  postgres: EmbeddedPostgres;
  readonly proxy: DatabaseProxy;
}

const members: Member[] = [];
const [first, second] = [() => members[0] as Member, () => members[1] as Member];
const logger = pino({ level: "silent" });
const start = (directory: string) =>
  startEmbeddedPostgres({ directory, logger, settings: { fsync: "off", shared_buffers: "16MB" } });

/** The second is a copy of the first, and its standby as long as it has `standby.signal`. */
beforeAll(async () => {
  const directories = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), "holdfast-hosts-"))));
  const [original, copy] = directories as [string, string];
  for (const directory of directories) await chmod(directory, 0o755);
  const made = await start(original);
  await migrateUp({ url: made.url });
  await made.close();
  execFileSync("cp", ["-a", layoutOf(original).data, copy]);
  await writeFile(join(layoutOf(copy).data, "standby.signal"), "");
  for (const directory of directories) {
    const postgres = await start(directory);
    members.push({ directory, postgres, proxy: await startDatabaseProxy(postgres.url) });
  }
});
afterAll(async () => {
  for (const { directory, postgres, proxy } of members) {
    await proxy.close();
    await postgres.close();
    await rm(directory, { recursive: true, force: true });
  }
});

/** A URL that lists them, in this order. */
function urlOf(hosts: readonly Member[], target: string): string {
  const list = hosts.map(({ proxy }) => new URL(proxy.url).host).join(",");
  return `postgres://postgres:secret@${list}/holdfast?sslmode=disable&target_session_attrs=${target}`;
}

async function serve(url: string): Promise<App> {
  const app = await startServer(url, { logLevel: "silent", drainTimeoutMs: 500 });
  onTestFinished(() => app.close());
  await untilHealth(app, "SERVING");
  return app;
}

/** Which connections of servers lead to it. */
async function connectionsTo({ postgres }: Member): Promise<string[]> {
  const rows = await query<{ name: string }>(
    postgres.url,
    "SELECT DISTINCT application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'holdfast%' ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

const ALL = ["holdfast", "holdfast listen", "holdfast probe"];

test("of a list the primary is used, by all connections and by the command line", async () => {
  const url = urlOf([second(), first()], "primary");
  const app = await serve(url);
  const tenant = newTenant(app);
  await tenant.append(observation());
  await expectSoundLog(first().postgres.url, tenant.id);
  await vi.waitFor(async () => expect(await connectionsTo(first())).toEqual(ALL), NEVER_MS);
  expect(await connectionsTo(second())).toEqual([]);
  const { code, stdout } = await runCommand(["migrate", "up"], { DATABASE_URL: url });
  expect([code, stdout]).toEqual([0, "nothing to do: the database is up to date\n"]);
});

test("where no server takes writes the error names each, without the password", async () => {
  const url = urlOf([second(), second()], "read-write");
  const { host } = new URL(second().proxy.url);
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
    expect(`127.0.0.1:${host?.port}`).toBe(new URL(second().proxy.url).host);
  } finally {
    first().proxy.restore();
  }
});

test("after a failover the standby that was promoted is written to, without a restart", async () => {
  const app = await serve(urlOf([first(), second()], "read-write"));
  await newTenant(app).append(observation());
  await first().postgres.close();
  await untilHealth(app, "NOT_SERVING");
  await query(second().postgres.url, "SELECT pg_promote()");
  await untilHealth(app, "SERVING");
  const tenant = newTenant(app);
  await tenant.append(observation());
  await tenant.listAll();
  await expectSoundLog(second().postgres.url, tenant.id);
  await vi.waitFor(async () => expect(await connectionsTo(second())).toEqual(ALL), NEVER_MS);
});

test("a primary that becomes read-only is left by every connection", async () => {
  const app = await serve(urlOf([second(), first()], "read-write"));
  const tenant = newTenant(app);
  await tenant.append(observation());
  // The other one is a primary again, as a managed failover leaves it.
  first().postgres = await start(first().directory);
  await execute(
    second().postgres.url,
    "ALTER SYSTEM SET default_transaction_read_only = on",
    "SELECT pg_reload_conf()",
  );
  const other = newTenant(app);
  await vi.waitFor(() => other.append(observation()), NEVER_MS);
  await vi.waitFor(async () => expect(await connectionsTo(second())).toEqual([]), NEVER_MS);
  await untilHealth(app, "SERVING");
  await expectSoundLog(first().postgres.url, other.id);
  await vi.waitFor(async () => expect(await connectionsTo(first())).toEqual(ALL), NEVER_MS);
});
