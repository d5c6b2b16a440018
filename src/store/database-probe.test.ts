import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../test/support/connect.js";
import { createTestDatabase } from "../../test/support/create-test-database.js";
import { type DatabaseProxy, startDatabaseProxy } from "../../test/support/database-proxy.js";
import { execute } from "../../test/support/execute.js";
import { query } from "../../test/support/query.js";
import { readConfig } from "../config.js";
import { probeDatabase } from "./database-probe.js";
import { migrationNames } from "./migrate.js";
import { Primary } from "./primary.js";

/** What never comes takes that long. */
const NEVER_MS = 60_000;
/** What is promised of health. */
const NOTICED_WITHIN_MS = 2000;

interface Ground {
  readonly url: string;
  readonly proxy: DatabaseProxy;
}

// However slow the machine, timers of one process run in the order of their times: those of the probe before these, which
// take as long as is promised and begin at the same moment or later.
test.each([
  ["that falls silent", "unreachable", async ({ proxy }: Ground) => proxy.stall()],
  [
    "whose writes wait",
    "stalled",
    async ({ url }: Ground) => {
      const client = await connect(url);
      onTestFinished(() => client.end());
      await client.query("BEGIN; LOCK TABLE holdfast.servers");
    },
  ],
] as const)("a database %s is %s before two seconds of timers have passed", async (_, state, fail) => {
  const database = await createTestDatabase();
  const proxy = await startDatabaseProxy(database.url);
  const intervalMs = readConfig({}).databaseProbeIntervalMs;
  const probe = probeDatabase({
    primary: new Primary(proxy.url),
    version: "1.2.3",
    intervalMs,
    logger: pino({ level: "silent" }),
    onChange: () => {},
  });
  onTestFinished(async () => {
    await proxy.close();
    probe.close();
    await database.close();
  });
  await expect
    .poll(() => query(database.url, "SELECT FROM holdfast.servers"), { timeout: NEVER_MS })
    .toHaveLength(1);

  await fail({ url: database.url, proxy });
  // An answer that was already on its way is read, and the next interval begins.
  await nextTurn();
  await nextTurn();
  expect(probe.state).toBe("writable");
  await delay(intervalMs);
  await delay(NOTICED_WITHIN_MS - intervalMs);
  await nextTurn();
  // Which of the two it is shows once another connection was answered, or was not.
  expect(probe.state).not.toBe("writable");
  await expect.poll(() => probe.state, { timeout: NEVER_MS }).toBe(state);
});

test("a heartbeat keeps one row for its server, removes those of servers long gone, and adds to no log", async () => {
  const database = await createTestDatabase();
  const insert = (age: string) =>
    execute(
      database.url,
      `INSERT INTO holdfast.servers VALUES (gen_random_uuid(), '0.0.1', 'a', 'b', now() - interval '${age}')`,
    );
  await insert("61 minutes");
  await insert("59 minutes");
  const probe = probeDatabase({
    primary: new Primary(database.url),
    version: "1.2.3",
    intervalMs: 1,
    logger: pino({ level: "silent" }),
    onChange: () => {},
  });
  onTestFinished(async () => {
    probe.close();
    await database.close();
  });
  const schema = migrationNames.at(-1);
  const rows = () =>
    query<{ version: string; heartbeat_time: Date }>(
      database.url,
      "SELECT version, oldest_schema, newest_schema, heartbeat_time FROM holdfast.servers ORDER BY version",
    );
  await expect
    .poll(rows, { timeout: NEVER_MS })
    .toMatchObject([
      { version: "0.0.1" },
      { version: "1.2.3", oldest_schema: schema, newest_schema: schema },
    ]);
  const [, first] = await rows();
  await expect
    .poll(async () => (await rows())[1]?.heartbeat_time, { timeout: NEVER_MS })
    .not.toEqual(first?.heartbeat_time);
  expect(await rows()).toHaveLength(2);
  expect(await query(database.url, "SELECT FROM holdfast.tenant_logs")).toEqual([]);
  expect(await query(database.url, "SELECT FROM holdfast.commits")).toEqual([]);
});
