import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../test/support/create-test-database.js";
import { startDatabaseProxy } from "../../test/support/database-proxy.js";
import { query } from "../../test/support/query.js";
import { readConfig } from "../config.js";
import { probeDatabase } from "./database-probe.js";
import { Primary } from "./primary.js";

/** What is promised of health. */
const NOTICED_WITHIN_MS = 2000;

// However slow the machine, timers of one process run in the order of their times: those of the probe before these, which
// take as long as is promised and begin at the same moment or later.
test("a database that falls silent is unreachable before two seconds of timers have passed", async () => {
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
  const asked = "SELECT FROM pg_stat_activity WHERE application_name = 'holdfast probe' AND query <> ''";
  await expect.poll(() => query(database.url, `${asked} AND state = 'idle'`)).toHaveLength(1);

  proxy.stall();
  // An answer that was already on its way is read, and the next interval begins.
  await nextTurn();
  await nextTurn();
  expect(probe.state).toBe("writable");
  await delay(intervalMs);
  await delay(NOTICED_WITHIN_MS - intervalMs);
  await nextTurn();
  expect(probe.state).toBe("unreachable");
});
