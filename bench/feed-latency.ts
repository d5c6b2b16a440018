import { setTimeout as delay } from "node:timers/promises";
import type { Bench, BenchResult, Verdict } from "./bench.js";
import type { PacedRequest } from "./feed/paced-producer.js";
import { openSessions } from "./support/open-sessions.js";
import { type BenchServer, startServer } from "./support/server.js";
import { median, quantile } from "./support/statistics.js";
import { count } from "./support/table.js";
import { startWorker, type Worker } from "./support/worker.js";

const PER_SECOND = 5000;
const SESSIONS = 16;
/** Before a measurement begins, and after it until the producer is done. */
const RUN_UP_SECONDS = 1;

const PLACES = [
  { place: "same server", mostMs: 10 },
  { place: "other server", mostMs: 50 },
] as const;

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly events: number;
  readonly perSecond: number;
}

/** From a commit to the subscriber that hears of it, on the server that wrote it and on another. */
export const feedLatency: Bench = {
  name: "feed-latency",
  about: `from the commit's own time to a subscriber, at ${count(PER_SECOND)} events/s, on the server they are written to and on another of the same database`,
  async run({ cluster, profileDirectory, seconds, rounds, say }) {
    const servers: BenchServer[] = [];
    const workers: Worker<never, unknown>[] = [];
    try {
      servers.push(await startServer(cluster.url, profileDirectory));
      const sessions = await openSessions(servers[0]?.address ?? "", SESSIONS);
      const producer = startWorker<PacedRequest, number>(
        new URL("feed/paced-producer.js", import.meta.url),
        [servers[0]?.address ?? "", sessions.join(",")],
        profileDirectory,
      );
      workers.push(producer);
      const measured: Record<string, readonly Round[]> = {};
      for (const { place } of PLACES) {
        if (place === "other server") servers.push(await startServer(cluster.url, profileDirectory));
        const subscriber = startWorker<{ seconds: number }, readonly number[]>(
          new URL("feed/subscriber.js", import.meta.url),
          [servers.at(-1)?.address ?? ""],
          profileDirectory,
        );
        workers.push(subscriber);
        await roundOf({ producer, subscriber }, seconds);
        const own: Round[] = [];
        for (let round = 0; round < rounds; round++) {
          own.push(await roundOf({ producer, subscriber }, seconds));
          say(`  ${place}: p50 ${own.at(-1)?.p50Ms.toFixed(1)} ms, p99 ${own.at(-1)?.p99Ms.toFixed(1)} ms`);
        }
        measured[place] = own;
        await subscriber.close();
      }
      return result(measured);
    } finally {
      for (const worker of workers) await worker.close();
      for (const server of servers.reverse()) await server.close();
    }
  },
};

async function roundOf(
  {
    producer,
    subscriber,
  }: {
    readonly producer: Worker<PacedRequest, number>;
    readonly subscriber: Worker<{ seconds: number }, readonly number[]>;
  },
  seconds: number,
): Promise<Round> {
  const writing = producer.ask({ seconds: seconds + 2 * RUN_UP_SECONDS, perSecond: PER_SECOND });
  await delay(RUN_UP_SECONDS * 1000);
  const ages = await subscriber.ask({ seconds });
  const perSecond = await writing;
  return { p50Ms: quantile(ages, 0.5), p99Ms: quantile(ages, 0.99), events: ages.length, perSecond };
}

function result(measured: Readonly<Record<string, readonly Round[]>>): BenchResult {
  const middle = (rounds: readonly Round[], of: (round: Round) => number) => median(rounds.map(of));
  const rows = Object.entries(measured).map(([name, rounds]) => ({
    name,
    values: {
      "p50 ms": middle(rounds, ({ p50Ms }) => p50Ms).toFixed(1),
      "p99 ms": middle(rounds, ({ p99Ms }) => p99Ms).toFixed(1),
      "written/s": count(middle(rounds, ({ perSecond }) => perSecond)),
    },
  }));
  const verdicts = PLACES.map(({ place, mostMs }): Verdict => {
    const rounds = measured[place] ?? [];
    const p50 = middle(rounds, ({ p50Ms }) => p50Ms).toFixed(1);
    const p99 = middle(rounds, ({ p99Ms }) => p99Ms).toFixed(1);
    return {
      name: `feed-latency, ${place}`,
      holdfast: `p50 ${p50} ms, p99 ${p99} ms`,
      reference: "–",
      unit: "ms",
      values: rounds.map(({ p99Ms }) => p99Ms),
      reach: { atMost: mostMs },
    };
  });
  const notes = [
    "The commit's time is taken by Postgres as the transaction takes its positions: the sync to disk is within the figure.",
  ];
  return { rows, notes, verdicts, figures: { ...measured } };
}
