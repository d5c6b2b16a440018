import { setTimeout as delay } from "node:timers/promises";
import type { Stage } from "./stage/stage.js";

/** How long servers may take to come back, and writes to get an outcome. */
export const SETTLE_MS = 60_000;
const FINISH_MS = 120_000;

/**
 * Ends the writing of all clients, then the following once it has reached the end. Returns what did not end as it
 * should.
 */
export async function settle(stage: Stage): Promise<string[]> {
  const clients = stage.clients.splice(0);
  const troubles: string[] = [];
  if (!(await stage.settled(SETTLE_MS))) troubles.push("the servers did not all come back");
  const stopped = Promise.all(clients.map((client) => client.stop())).then(() => true);
  if (!(await Promise.race([stopped, delay(SETTLE_MS, false)]))) {
    troubles.push("a client had writes without an outcome a minute after the last fault");
  }
  const rows = await stage.query("SELECT tenant_id::text, position::float8 FROM holdfast.tenant_logs");
  const heads = Object.fromEntries(rows as [string, number][]);
  const finished = Promise.all(clients.map((client) => client.finish(heads)));
  const codes = await Promise.race([finished, delay(FINISH_MS, undefined)]);
  if (!codes) {
    troubles.push("a client did not end");
    for (const client of clients) void client.kill();
  }
  for (const [i, code] of (codes ?? []).entries()) {
    if (code !== 0)
      troubles.push(`a client ended with ${code}; see the log beside ${clients[i]?.options.ledger}`);
  }
  return troubles;
}
