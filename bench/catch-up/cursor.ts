// A process that reads the rows of a log in order of position through a cursor.
import pg from "pg";
import { startMeasuring } from "../ingest/workload.js";
import { serveWorker } from "../support/worker.js";
import type { Read } from "./subscriber.js";

export interface CursorRequest {
  readonly events: number;
  /** Rows fetched at a time. */
  readonly fetch: number;
}

const [url = "", tenantId = ""] = process.argv.slice(2);
const client = new pg.Client({ connectionString: url });
await client.connect();

serveWorker<CursorRequest, Read>(
  async ({ events: wanted, fetch }) => {
    const measured = startMeasuring();
    await client.query("BEGIN READ ONLY");
    await client.query(
      `DECLARE log NO SCROLL CURSOR FOR SELECT * FROM holdfast.observations
       WHERE tenant_id = '${tenantId}' ORDER BY position`,
    );
    let seen = 0;
    while (seen < wanted) {
      const { rows } = await client.query(`FETCH ${fetch} FROM log`);
      if (rows.length === 0) throw new Error(`expected ${wanted} rows, got ${seen}`);
      seen += rows.length;
    }
    await client.query("COMMIT");
    const { seconds, cpuMs } = measured(seen, []);
    return { perSecond: seen / seconds, cpuMs };
  },
  () => client.end(),
);
