// A process that streams observations in through @holdfast/client, as fast as they are acknowledged.
import { setTimeout as delay } from "node:timers/promises";
import { bytes, connect, type Recorder } from "@holdfast/client";
import { serveWorker } from "../support/worker.js";
import {
  AGENT_ID,
  BURST,
  type Measurement,
  OBSERVATION_TYPE,
  OUTSTANDING,
  payloads,
  STREAMS,
  startMeasuring,
} from "./workload.js";

/** Latency is taken of one in so many: a promise for each would cost more than the rest. */
const SAMPLE_EVERY = 41;

const [address = "", sessions = ""] = process.argv.slice(2);
const sessionIds = sessions.split(",");
const holdfast = connect({ address });
const data = payloads(1024).map((payload) => bytes(payload, "application/json"));
const recorders = Array.from({ length: STREAMS }, () =>
  // `ready()` waits from half of the buffer on.
  holdfast.recorder({ agentId: AGENT_ID, clientName: "bench", maxBufferedRecords: 2 * OUTSTANDING }),
);

serveWorker<{ seconds: number }, Measurement>(
  async ({ seconds }) => {
    const latenciesMs: number[] = [];
    const isOver = stopAfter(seconds);
    const storedBefore = stored();
    const measured = startMeasuring();
    const producing = recorders.map((recorder, index) => produce(recorder, index, isOver, latenciesMs));
    await delay(seconds * 1000);
    const measurement = measured(stored() - storedBefore, [...latenciesMs]);
    await Promise.all(producing);
    for (const recorder of recorders) {
      const { rejected, firstRejection } = await recorder.flush();
      if (rejected > 0) throw new Error(`${rejected} rejected`, { cause: firstRejection?.error });
    }
    return measurement;
  },
  () => holdfast.close(),
);

async function produce(
  recorder: Recorder,
  stream: number,
  isOver: () => boolean,
  latenciesMs: number[],
): Promise<void> {
  const own = sessionIds.filter((_, index) => index % STREAMS === stream);
  for (let i = 0; !isOver(); ) {
    for (const until = i + BURST; i < until; i++) {
      const recorded = recorder.observe({
        sessionId: own[i % own.length],
        type: OBSERVATION_TYPE,
        data: data[i % data.length],
      });
      if (i % SAMPLE_EVERY !== 0) continue;
      const at = performance.now();
      recorded.then(
        () => latenciesMs.push(performance.now() - at),
        () => {},
      );
    }
    await recorder.ready();
  }
}

function stored(): number {
  return recorders.reduce((sum, recorder) => sum + recorder.totals.stored, 0);
}

function stopAfter(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() >= end;
}
