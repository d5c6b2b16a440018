// A process that reads a log from its start through a subscription.
import { connect } from "@holdfast/client";
import { startMeasuring } from "../ingest/workload.js";
import { serveWorker } from "../support/worker.js";

export interface Read {
  readonly perSecond: number;
  readonly cpuMs: number;
}

const [address = "", tenantId = ""] = process.argv.slice(2);
const holdfast = connect({ address, tenantId });

serveWorker<{ events: number }, Read>(
  async ({ events: wanted }) => {
    const measured = startMeasuring();
    let seen = 0;
    for await (const { events } of holdfast.events.subscribe({ after: "start" }).pages()) {
      seen += events.length;
      if (seen >= wanted) break;
    }
    const { seconds, cpuMs } = measured(seen, []);
    return { perSecond: seen / seconds, cpuMs };
  },
  () => holdfast.close(),
);
