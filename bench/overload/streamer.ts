// A process whose streams of one tenant each write as fast as they are acknowledged.
import { setTimeout as delay } from "node:timers/promises";
import { bytes, connect, type Recorder } from "@holdfast/client";
import { AGENT_ID, BURST, OBSERVATION_TYPE, OUTSTANDING, payloads } from "../ingest/workload.js";
import { serveWorker } from "../support/worker.js";

export interface StreamerRequest {
  readonly seconds: number;
  /** Streams that write. */
  readonly streams: number;
}

/** What became of the observations recorded within the time. */
export interface Streamed {
  readonly seconds: number;
  readonly acknowledged: number;
  readonly rejected: number;
}

const [address = "", tenantId = "", sessionId = ""] = process.argv.slice(2);
const data = payloads(64).map((payload) => bytes(payload, "application/json"));
const clients: { readonly recorder: Recorder; close(): Promise<void> }[] = [];

serveWorker<StreamerRequest, Streamed>(
  async ({ seconds, streams }) => {
    // As many programs: each has a connection.
    while (clients.length < streams) {
      const holdfast = connect({ address, tenantId });
      // `ready()` waits from half of the buffer on.
      const settings = { agentId: AGENT_ID, clientName: "bench", maxBufferedRecords: 2 * OUTSTANDING };
      clients.push({ recorder: holdfast.recorder(settings), close: () => holdfast.close() });
    }
    const writing = clients.slice(0, streams).map(({ recorder }) => recorder);
    const of = (total: "stored" | "rejected") => writing.reduce((sum, { totals }) => sum + totals[total], 0);
    const before = { stored: of("stored"), rejected: of("rejected") };
    const from = performance.now();
    const elapsed = () => (performance.now() - from) / 1000;
    const all = Promise.all(writing.map((recorder) => write(recorder, () => elapsed() >= seconds)));
    await delay(seconds * 1000);
    const acknowledged = of("stored") - before.stored;
    const took = elapsed();
    await all;
    await Promise.all(writing.map((recorder) => recorder.flush()));
    return { seconds: took, acknowledged, rejected: of("rejected") - before.rejected };
  },
  async () => {
    for (const { close } of clients) await close();
  },
);

async function write(recorder: Recorder, isOver: () => boolean): Promise<void> {
  for (let i = 0; !isOver(); await recorder.ready()) {
    for (const until = i + BURST; i < until; i += 1) {
      const value = { sessionId, type: OBSERVATION_TYPE, data: data[i % data.length] };
      // What is rejected is counted.
      recorder.observe(value).catch(() => {});
    }
  }
}
