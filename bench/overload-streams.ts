import type { Bench, BenchResult } from "./bench.js";
import { PAYLOAD_BYTES, STREAMS } from "./ingest/workload.js";
import type { CallerRequest, Calls } from "./overload/caller.js";
import type { Streamed, StreamerRequest } from "./overload/streamer.js";
import { openTenant } from "./support/open-tenants.js";
import { processMemory } from "./support/process-memory.js";
import { startServer } from "./support/server.js";
import { median, quantile } from "./support/statistics.js";
import { count } from "./support/table.js";
import { startWorker, type Worker } from "./support/worker.js";

const TIMES = 3;
/** Calls a second of the other tenant, each of one observation. */
const MODEST_PER_SECOND = 50;
const WARM_UP_SECONDS = 3;

/** As many streams as reach the peak, and three times as many; the other tenant alone, and beside each. */
interface Round {
  readonly alone: Calls;
  readonly peak: Streamed;
  readonly besidePeak: Calls;
  readonly overloaded: Streamed;
  readonly beside: Calls;
}

/** What happens when three times as many streams write as a server can keep up with: each is slowed. */
export const overloadStreams: Bench = {
  name: "overload-streams",
  about: `${TIMES * STREAMS} streams of ${PAYLOAD_BYTES}-byte observations, each as fast as it is acknowledged, against ${STREAMS}; and another tenant's unary calls meanwhile`,
  long: true,
  async run({ cluster, profileDirectory, seconds, rounds, say }) {
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Worker<never, unknown>[] = [];
    const start = async <Request, Answer>(name: string, ...args: string[]) => {
      const { tenantId, sessionIds } = await openTenant(server.address, 1);
      const url = new URL(`overload/${name}.js`, import.meta.url);
      const all = [server.address, tenantId, sessionIds[0] ?? "", ...args];
      const worker = startWorker<Request, Answer>(url, all, profileDirectory);
      workers.push(worker);
      return worker;
    };
    try {
      const greedy = await start<StreamerRequest, Streamed>("streamer");
      const modest = await start<CallerRequest, Calls>("caller", "1", "frames");
      const load = { seconds, perSecond: MODEST_PER_SECOND };
      await greedy.ask({ seconds: WARM_UP_SECONDS, streams: STREAMS });
      await modest.ask({ seconds: 1, perSecond: MODEST_PER_SECOND });
      const measured: Round[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const alone = await modest.ask(load);
        const [peak, besidePeak] = await Promise.all([
          greedy.ask({ seconds, streams: STREAMS }),
          modest.ask(load),
        ]);
        const [overloaded, beside] = await Promise.all([
          greedy.ask({ seconds, streams: TIMES * STREAMS }),
          modest.ask(load),
        ]);
        measured.push({ alone, peak, besidePeak, overloaded, beside });
        say(
          `  ${count(rate(peak))} observations/s by ${STREAMS} streams, ${count(rate(overloaded))} by more`,
        );
      }
      return result(measured, processMemory(server.pid).peakMiB);
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
    }
  },
};

function rate({ acknowledged, seconds }: Streamed): number {
  return acknowledged / seconds;
}

function p99({ accepted }: Calls): number {
  return quantile(accepted, 0.99);
}

function result(rounds: readonly Round[], serverMiB: number): BenchResult {
  const middle = (value: (round: Round) => number) => median(rounds.map(value));
  const row = (name: string, calls: (round: Round) => Calls, streamed?: (round: Round) => Streamed) => ({
    name,
    values: {
      "observations/s": streamed ? count(middle((round) => rate(streamed(round)))) : "–",
      "other p50 ms": middle((round) => quantile(calls(round).accepted, 0.5)).toFixed(1),
      "other p99 ms": middle((round) => p99(calls(round))).toFixed(1),
    },
  });
  const refused = rounds.flatMap(({ alone, besidePeak, beside, peak, overloaded }) => [
    ...[alone, besidePeak, beside].map(({ shed, otherwise }) => shed.length + Object.keys(otherwise).length),
    ...[peak, overloaded].map(({ rejected }) => rejected),
  ]);
  const ms = (calls: (round: Round) => Calls) => `p99 ${middle((round) => p99(calls(round))).toFixed(1)} ms`;
  const perSecond = (streamed: (round: Round) => Streamed) =>
    `${count(middle((round) => rate(streamed(round))))}/s`;
  return {
    rows: [
      row("nobody", ({ alone }) => alone),
      row(
        `${STREAMS} streams`,
        ({ besidePeak }) => besidePeak,
        ({ peak }) => peak,
      ),
      row(
        `${TIMES * STREAMS} streams`,
        ({ beside }) => beside,
        ({ overloaded }) => overloaded,
      ),
    ],
    notes: [
      `the other tenant makes ${MODEST_PER_SECOND} calls a second of one observation`,
      `${count(refused.reduce((sum, each) => sum + each, 0))} observations or calls were refused or failed`,
      `the server took ${count(serverMiB)} MiB at most`,
    ],
    verdicts: [
      {
        name: "overload-streams, goodput",
        holdfast: perSecond(({ overloaded }) => overloaded),
        reference: perSecond(({ peak }) => peak),
        unit: "×",
        values: rounds.map(({ overloaded, peak }) => rate(overloaded) / rate(peak)),
        reach: { atLeast: 0.8 },
      },
      {
        name: "overload-streams, another tenant against beside the peak",
        holdfast: ms(({ beside }) => beside),
        reference: ms(({ besidePeak }) => besidePeak),
        unit: "×",
        values: rounds.map(({ beside, besidePeak }) => p99(beside) / p99(besidePeak)),
        reach: { atMost: 2 },
      },
      {
        name: "overload-streams, another tenant",
        holdfast: ms(({ beside }) => beside),
        reference: ms(({ alone }) => alone),
        unit: "×",
        values: rounds.map(({ beside, alone }) => p99(beside) / p99(alone)),
        reach: { atMost: 2 },
      },
    ],
    figures: {
      serverMiB,
      rounds: rounds.map(({ alone, peak, besidePeak, overloaded, beside }) => ({
        peakPerSecond: rate(peak),
        overloadedPerSecond: rate(overloaded),
        aloneP99Ms: p99(alone),
        besidePeakP99Ms: p99(besidePeak),
        besideP99Ms: p99(beside),
      })),
    },
  };
}
