import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "../../src/store/database.js";

const PAUSE_MS = 150;

/**
 * Asks through the server's own connections, as a query that forgot to say for which tenant it is: it must be shown
 * nothing, whatever ran on that connection before.
 */
export async function probeConnections(
  database: Database,
  onLeak: (tenantId: string) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await delay(PAUSE_MS, undefined, { signal }).catch(() => {});
    try {
      const rows = await database.withConnection(async (run) => {
        const [, found] = await Promise.all([
          run("BEGIN READ ONLY; SET LOCAL ROLE holdfast_runtime"),
          run<[string]>({ text: "SELECT tenant_id::text FROM holdfast.tenant_logs LIMIT 1" }),
          run("COMMIT"),
        ]);
        return found;
      });
      if (rows[0]) onLeak(rows[0][0]);
    } catch {
      // The database is away; the next time tells.
    }
  }
}
