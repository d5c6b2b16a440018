import { setTimeout as delay } from "node:timers/promises";
import type { Bench, BenchResult } from "./bench.js";
import type { FanOutRead, FanOutWorkload } from "./fan-out/subscribers.js";
import type { PacedRequest } from "./feed/paced-producer.js";
import { cpuTimeMs } from "./support/cpu-time.js";
import { openSessions } from "./support/open-sessions.js";
import { processMemory } from "./support/process-memory.js";
import { startServer } from "./support/server.js";
import { median, quantile } from "./support/statistics.js";
import { count } from "./support/table.js";
import { startWorker, type Worker } from "./support/worker.js";

const SUBSCRIBERS = 1000;
const PER_SECOND = 1000;
/** Enough that their flow-control windows are not what is measured. */
const CONNECTIONS = 200;
const SAMPLE_EVERY = 25;
const RUN_UP_SECONDS = 1;

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
  readonly messagesPerSecond: number;
  readonly mibPerSecond: number;
  readonly serverCpu: number;
  readonly rssMiB: number;
}

/** One event told a thousand times. */
export const fanOut: Bench = {
  name: "fan-out",
  about: `${count(SUBSCRIBERS)} subscribers over ${CONNECTIONS} connections to one session, ${count(PER_SECOND)} events/s: the server's memory and CPU, and latency`,
  async run({ cluster, profileDirectory, seconds, rounds, say }) {
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Worker<never, unknown>[] = [];
    try {
      const [sessionId = ""] = await openSessions(server.address, 1);
      const workload: FanOutWorkload = {
        subscribers: SUBSCRIBERS,
        connections: CONNECTIONS,
        sessionId,
        sampleEvery: SAMPLE_EVERY,
      };
      const producer = startWorker<PacedRequest, number>(
        new URL("feed/paced-producer.js", import.meta.url),
        [server.address, sessionId],
        profileDirectory,
      );
      const subscribers = startWorker<{ seconds: number }, FanOutRead>(
        new URL("fan-out/subscribers.js", import.meta.url),
        [server.address, JSON.stringify(workload)],
        profileDirectory,
      );
      workers.push(producer, subscribers);
      await subscribers.ask({ seconds: 0 });
      await producer.ask({ seconds: 2, perSecond: PER_SECOND });
      const measured: Round[] = [];
      for (let round = 0; round < rounds; round++) {
        const writing = producer.ask({ seconds: seconds + 2 * RUN_UP_SECONDS, perSecond: PER_SECOND });
        await delay(RUN_UP_SECONDS * 1000);
        const before = cpuTimeMs(server.pid) ?? Number.NaN;
        const { agesMs, messages, bytes } = await subscribers.ask({ seconds });
        if (agesMs.length === 0) throw new Error("the subscribers received nothing");
        const cpuMs = (cpuTimeMs(server.pid) ?? Number.NaN) - before;
        measured.push({
          p50Ms: quantile(agesMs, 0.5),
          p99Ms: quantile(agesMs, 0.99),
          messagesPerSecond: messages / seconds,
          mibPerSecond: bytes / seconds / 2 ** 20,
          serverCpu: cpuMs / seconds / 1000,
          rssMiB: processMemory(server.pid).nowMiB,
          perSecond: await writing,
        });
        const { p50Ms, p99Ms } = measured.at(-1) as Round;
        say(`  p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms`);
      }
      return result(measured, processMemory(server.pid).peakMiB);
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
    }
  },
};

function result(measured: readonly Round[], peakMiB: number): BenchResult {
  const middle = (of: (round: Round) => number) => median(measured.map(of));
  const [p99, rss] = [middle(({ p99Ms }) => p99Ms).toFixed(0), middle(({ rssMiB }) => rssMiB).toFixed(0)];
  const cpu = middle(({ serverCpu }) => serverCpu).toFixed(2);
  return {
    rows: [
      {
        name: "holdfast",
        values: {
          "p50 ms": middle(({ p50Ms }) => p50Ms).toFixed(0),
          "p99 ms": p99,
          "written/s": count(middle(({ perSecond }) => perSecond)),
          "messages/s": count(middle(({ messagesPerSecond }) => messagesPerSecond)),
          "MiB/s": middle(({ mibPerSecond }) => mibPerSecond).toFixed(0),
          "server cores": cpu,
          "RSS MiB": rss,
          "peak MiB": peakMiB.toFixed(0),
        },
      },
    ],
    notes: [
      `The server used ${cpu} cores; p99 ${p99} ms. Events are read by one subscriber in ${SAMPLE_EVERY}, all others take the bytes.`,
    ],
    verdicts: [
      {
        name: "fan-out",
        holdfast: `${rss} MiB, ${cpu} cores, p99 ${p99} ms`,
        reference: "–",
        unit: "MiB",
        values: measured.map(({ rssMiB }) => rssMiB),
        reach: { atMost: 512 },
      },
    ],
    figures: { measured, peakMiB },
  };
}
