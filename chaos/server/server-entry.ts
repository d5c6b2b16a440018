// A server as `holdfast serve` runs it, with failpoints, a clock that can jump and, for the harness' own tests, a bug.
import { appendFileSync } from "node:fs";
import { startApp } from "../../src/app.js";
import { createLogger } from "../../src/cli/create-logger.js";
import { watchFailures } from "../../src/cli/process-failures.js";
import { readConfig } from "../../src/config.js";
import type { Database } from "../../src/store/database.js";
import { monotonicMs } from "../clock.js";

import { BUGS } from "./bugs/bugs.js";
import { failingDatabase } from "./failing-database.js";
import { failingHub } from "./failing-hub.js";
import { Failpoints } from "./failpoints.js";
import { installJumpingClock } from "./jumping-clock.js";
import { leaky } from "./leaky.js";
import { measure } from "./measure.js";
import { probeConnections } from "./probe-connections.js";
import type { ServerAnswer, ServerMessage } from "./server-message.js";

const [reports = "", bugName = ""] = process.argv.slice(2);
const clock = installJumpingClock();
const failpoints = new Failpoints(reports);
const bug = [...BUGS, leaky].find(({ name }) => name === bugName);
const stop = new AbortController();
let serversDatabase: Database | undefined;

process.on("message", (message: ServerMessage) => {
  if (message.do === "arm") failpoints.arm(message.point, message.action);
  if (message.do === "disarm") failpoints.disarm(message.point);
  if (message.do === "jump") clock.jump(message.offsetMs);
  if (message.do === "measure") {
    measure(serversDatabase).then(
      (measured) => process.send?.({ measured } satisfies ServerAnswer),
      (err: unknown) => logger.warn({ err }, "not measured"),
    );
  }
});
process.once("disconnect", () => process.exit(1));

const config = readConfig(process.env);
const logger = createLogger(config.logLevel);
const failures = watchFailures(logger);
failures.fatal.addEventListener("abort", () => process.exit(1));
const app = await startApp(config, logger, stop.signal, {
  database(opened) {
    const database = failingDatabase(bug?.database?.(opened) ?? opened, failpoints);
    serversDatabase = database;
    void probeConnections(database, leaked, stop.signal);
    return database;
  },
  hub: (hub) => failingHub(bug?.hub?.(hub) ?? hub, failpoints),
}).catch((err: unknown) => {
  // As when the database is away: whoever runs servers starts it again.
  logger.error({ err }, "did not start");
  process.exit(1);
});

process.once("SIGTERM", () => {
  stop.abort();
  setTimeout(() => failpoints.hitNow("in-drain"), 5);
  void app.close().finally(() => process.exit(0));
});

function leaked(tenantId: string): void {
  const text = `a query that named no tenant was shown rows of tenant ${tenantId}`;
  appendFileSync(reports, `${JSON.stringify({ k: "saw", guarantee: "Isolated", text, t: monotonicMs() })}\n`);
}
