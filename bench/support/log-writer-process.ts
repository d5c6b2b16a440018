import type { Measurement } from "../ingest/workload.js";
import type { LogTenant } from "./log-writer.js";
import type { LogWriterRequest } from "./log-writer-worker.js";
import { startWorker, type Worker } from "./worker.js";

export type LogWriterProcess = Worker<LogWriterRequest, Measurement>;

/** Starts log-writer-worker.ts for these tenants. */
export function startLogWriter(
  url: string,
  tenants: readonly LogTenant[],
  profileDirectory: string | undefined,
): LogWriterProcess {
  const module = new URL("log-writer-worker.js", import.meta.url);
  return startWorker(module, [url, JSON.stringify(tenants)], profileDirectory);
}

/** Of which a direct connection takes the one that is best. */
const BATCHES = [100, 250, 500, 1000];
const CALIBRATION_SECONDS = 0.7;

export async function bestBatch(writer: LogWriterProcess): Promise<number> {
  let best = { batch: 0, rate: 0 };
  await writer.ask({ batch: 500, seconds: CALIBRATION_SECONDS });
  for (const batch of BATCHES) {
    const { acknowledged, seconds } = await writer.ask({ batch, seconds: CALIBRATION_SECONDS });
    if (acknowledged / seconds > best.rate) best = { batch, rate: acknowledged / seconds };
  }
  return best.batch;
}

/** Appends so many rows as fast as it goes. */
export async function fill(writer: LogWriterProcess, rows: number): Promise<void> {
  await writer.ask({ batch: 1000, rows, connections: 2 });
}
