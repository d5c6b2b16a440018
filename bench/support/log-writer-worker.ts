// A process that writes observations by the server's own statement: as the reference of ingest, and to fill logs.

import { type Measurement, startMeasuring } from "../ingest/workload.js";
import { type LogTenant, openLogWriter } from "./log-writer.js";
import { serveWorker } from "./worker.js";

/** To write for so long, or so many rows, over one connection or several. */
export interface LogWriterRequest {
  readonly batch: number;
  readonly seconds?: number;
  readonly rows?: number;
  readonly connections?: number;
}

/** The next statement is made and sent while one is being executed, so that a connection is never idle. */
const IN_FLIGHT = 2;
const MAX_CONNECTIONS = 2;

const [url = "", tenantsAsJson = "[]"] = process.argv.slice(2);
const tenants: readonly LogTenant[] = JSON.parse(tenantsAsJson);
const writer = openLogWriter(url, tenants, MAX_CONNECTIONS);
let nextTenant = 0;

serveWorker<LogWriterRequest, Measurement>(
  async ({ batch, seconds = Number.POSITIVE_INFINITY, rows = Number.POSITIVE_INFINITY, connections = 1 }) => {
    const end = performance.now() + seconds * 1000;
    let begun = 0;
    let acknowledged = 0;
    const measured = startMeasuring();
    const overOneConnection = () =>
      writer.withConnection(async (run) => {
        const write = async () => {
          while (performance.now() < end && begun < rows) {
            const size = Math.min(batch, rows - begun);
            begun += size;
            await writer.write(run, nextTenant++ % tenants.length, size, Number.isFinite(rows));
            acknowledged += size;
          }
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, write));
      });
    await Promise.all(Array.from({ length: connections }, overOneConnection));
    return measured(acknowledged, []);
  },
  () => writer.close(),
);
