import type { Payload, Recorder } from "@holdfast/client";
import { type Measurement, OBSERVATION_TYPE, startMeasuring } from "../ingest/workload.js";

/** A recorder and the sessions it records of. */
export interface Recording {
  readonly recorder: Recorder;
  readonly sessionIds: readonly string[];
}

/** Recorded at a time, as an agent that reads a page of results would. */
const BURST = 16;
/** Latency is taken of one in so many: a promise for each would cost more than the rest. */
const SAMPLE_EVERY = 41;

/** Records observations with all recorders, each as fast as they are acknowledged, for so many seconds. */
export async function recordFor(
  seconds: number,
  recordings: readonly Recording[],
  data: readonly Payload[],
): Promise<Measurement> {
  const latenciesMs: number[] = [];
  const end = performance.now() + seconds * 1000;
  const stored = () => recordings.reduce((sum, { recorder }) => sum + recorder.totals.stored, 0);
  const produce = async ({ recorder, sessionIds }: Recording) => {
    for (let i = 0; performance.now() < end; ) {
      for (const until = i + BURST; i < until; i++) {
        const recorded = recorder.observe({
          sessionId: sessionIds[i % sessionIds.length],
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
  };
  const before = stored();
  const measured = startMeasuring();
  const producing = recordings.map(produce);
  await Promise.all(producing);
  // Until the last is acknowledged: with thousands under way those of the last moment would else count for nothing.
  for (const { recorder } of recordings) {
    const { rejected, firstRejection } = await recorder.flush();
    if (rejected > 0) throw new Error(`${rejected} rejected`, { cause: firstRejection?.error });
  }
  return measured(stored() - before, latenciesMs);
}
