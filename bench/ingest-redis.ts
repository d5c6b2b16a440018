import type { Bench, BenchResult } from "./bench.js";
import { type Measurement, PAYLOAD_BYTES, SESSIONS, STREAMS } from "./ingest/workload.js";
import { startRedis } from "./redis/start-redis.js";
import type { XaddRequest } from "./redis/xadd-producer.js";
import { ratios } from "./support/judge.js";
import { openSessions } from "./support/open-sessions.js";
import { takeTurns } from "./support/rounds.js";
import { startServer } from "./support/server.js";
import { median, spread } from "./support/statistics.js";
import { count } from "./support/table.js";
import { warmUp } from "./support/warm-up.js";
import { startWorker, type Worker } from "./support/worker.js";

const WARM_UP_OBSERVATIONS = 100_000;
/** Of which Redis gets the one that is best for it: commands of each connection under way. */
const DEPTHS = [64, 128, 384, 1024];
const CALIBRATION_SECONDS = 0.7;

/** Beside what stores no rows and keeps no index, but is told to sync before it answers, as Holdfast does. */
export const ingestRedis: Bench = {
  name: "ingest-redis",
  about: `${PAYLOAD_BYTES}-byte observations, ${STREAMS} streams over ${SESSIONS} sessions, against Redis XADD with appendfsync always, pipelined over ${STREAMS} connections`,
  long: true,
  async run({ cluster, profileDirectory, seconds, rounds, say }) {
    const redis = await startRedis();
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Worker<never, unknown>[] = [];
    try {
      const xadd = startWorker<XaddRequest, Measurement>(
        new URL("redis/xadd-producer.js", import.meta.url),
        [redis.socket],
        profileDirectory,
      );
      workers.push(xadd);
      const sessions = await openSessions(server.address, SESSIONS);
      const producer = startWorker<{ seconds: number }, Measurement>(
        new URL("ingest/producer.js", import.meta.url),
        [server.address, sessions.join(",")],
        profileDirectory,
      );
      workers.push(producer);
      await warmUp(
        seconds,
        WARM_UP_OBSERVATIONS,
        async (each) => (await producer.ask({ seconds: each })).acknowledged,
      );
      const depth = await bestDepth(xadd);
      say(
        `${rounds} rounds of ${seconds} s each; Redis ${redis.version} with ${depth} commands under way on each connection`,
      );
      const sides = {
        holdfast: async () => perSecond(await producer.ask({ seconds })),
        reference: async () => perSecond(await xadd.ask({ seconds, depth })),
      };
      const measured = await takeTurns(rounds, sides, (holdfast, reference) =>
        say(`  redis ${count(reference)}/s, holdfast ${count(holdfast)}/s`),
      );
      return result(measured.holdfast, measured.reference, { depth, version: redis.version });
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
      await redis.close();
    }
  },
};

function perSecond({ acknowledged, seconds }: Measurement): number {
  return acknowledged / seconds;
}

async function bestDepth(xadd: Worker<XaddRequest, Measurement>): Promise<number> {
  let best = { depth: 0, rate: 0 };
  await xadd.ask({ seconds: CALIBRATION_SECONDS, depth: 128 });
  for (const depth of DEPTHS) {
    const rate = perSecond(await xadd.ask({ seconds: CALIBRATION_SECONDS, depth }));
    if (rate > best.rate) best = { depth, rate };
  }
  return best.depth;
}

function result(
  holdfast: readonly number[],
  redis: readonly number[],
  { depth, version }: { readonly depth: number; readonly version: string },
): BenchResult {
  const row = (name: string, rates: readonly number[]) => ({
    name,
    values: { "acked/s": count(median(rates)), spread: `${(spread(rates) * 100).toFixed(0)} %` },
  });
  const verdict = {
    name: "ingest-redis",
    holdfast: `${count(median(holdfast))}/s`,
    reference: `${count(median(redis))}/s`,
    unit: "×",
    values: ratios(holdfast, redis),
    reach: { atLeast: 0.7 },
  } as const;
  return {
    rows: [row(`redis, ${depth} under way`, redis), row("holdfast", holdfast)],
    notes: [
      `Redis ${version}, ${depth} commands under way on each connection, which was best of ${DEPTHS.join(", ")}.`,
    ],
    verdicts: [verdict],
    figures: { holdfast, redis, depth, redisVersion: version },
  };
}
