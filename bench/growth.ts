import type { Bench, BenchResult, Verdict } from "./bench.js";
import { type Measurement, SESSIONS, STREAMS } from "./ingest/workload.js";
import type { ManyWorkload } from "./ingest-many/producer.js";
import { type Cluster, startCluster } from "./support/cluster.js";
import { ratios } from "./support/judge.js";
import { fill, startLogWriter } from "./support/log-writer-process.js";
import { openTenant } from "./support/open-tenants.js";
import { takeTurns } from "./support/rounds.js";
import { type BenchServer, startServer } from "./support/server.js";
import { median, quantile } from "./support/statistics.js";
import { count } from "./support/table.js";
import { warmUp } from "./support/warm-up.js";
import { startWorker, type Worker } from "./support/worker.js";

const SMALL = 100_000;
const LARGE = { quick: 1_000_000, full: 10_000_000 };
const WORKLOAD = { streamsOfEach: STREAMS, outstanding: 384 };
const WARM_UP = { lists: 2000, observations: 60_000 };
/** Short, since the small one grows by what is measured on it. */
const INGEST_SECONDS = 1.5;

/** A Holdfast with a Postgres and load generators of its own, and so many rows. */
interface Site {
  /** Lists a second. */
  list(seconds: number): Promise<number>;
  /** Observations a second. */
  ingest(seconds: number): Promise<number>;
  /** Has Postgres write out what it holds back, so that no measurement pays for filling. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** What was written before must not make what is written and read now slower. */
export const growth: Bench = {
  name: "growth",
  about: `ingest, and lists of the newest 50 observations of a session, with ${count(LARGE.full)} rows of one tenant (${count(LARGE.quick)} without --full) against ${count(SMALL)}, each with a Postgres of its own`,
  long: true,
  async run({ cluster, profileDirectory, seconds, rounds, full, say }) {
    const rows = full ? LARGE.full : LARGE.quick;
    const sites: Site[] = [];
    const smallCluster = await startCluster();
    try {
      const site = async (on: Cluster, size: number) => {
        say(`writing ${count(size)} rows`);
        const from = performance.now();
        sites.push(await openSite(on, size, profileDirectory));
        say(`  took ${((performance.now() - from) / 1000).toFixed(0)} s`);
        return sites.at(-1) as Site;
      };
      const large = await site(cluster, rows);
      const small = await site(smallCluster, SMALL);
      for (const each of [large, small]) {
        await each.settle();
        await warmUp(
          seconds,
          WARM_UP.lists,
          async (forSeconds) => (await each.list(forSeconds)) * forSeconds,
        );
      }
      const lists = await takeTurns(
        rounds,
        { holdfast: () => large.list(seconds), reference: () => small.list(seconds) },
        (holdfast, reference) => say(`  lists: small ${count(reference)}/s, large ${count(holdfast)}/s`),
      );
      for (const each of [large, small]) {
        await warmUp(
          seconds,
          WARM_UP.observations,
          async (forSeconds) => (await each.ingest(forSeconds)) * forSeconds,
        );
      }
      const ingests = await takeTurns(
        rounds,
        { holdfast: () => large.ingest(INGEST_SECONDS), reference: () => small.ingest(INGEST_SECONDS) },
        (holdfast, reference) => say(`  ingest: small ${count(reference)}/s, large ${count(holdfast)}/s`),
      );
      return result({ ingest: ingests, list: lists }, rows);
    } finally {
      for (const each of sites) await each.close();
      await smallCluster.close();
    }
  },
};

async function openSite(cluster: Cluster, rows: number, profileDirectory: string | undefined): Promise<Site> {
  const server: BenchServer = await startServer(cluster.url, profileDirectory);
  const tenant = await openTenant(server.address, SESSIONS);
  const writer = startLogWriter(cluster.url, [tenant], undefined);
  await fill(writer, rows);
  await writer.close();
  const workload: ManyWorkload = { tenants: [tenant], ...WORKLOAD };
  const producer = startWorker<{ seconds: number }, Measurement>(
    new URL("ingest-many/producer.js", import.meta.url),
    [server.address, JSON.stringify(workload)],
    profileDirectory,
  );
  const lister = startWorker<{ seconds: number }, readonly number[]>(
    new URL("growth/lister.js", import.meta.url),
    [server.address, tenant.tenantId, tenant.sessionIds.join(",")],
    profileDirectory,
  );
  const workers: readonly Worker<never, unknown>[] = [producer, lister];
  return {
    list: async (seconds) => 1000 / quantile(await lister.ask({ seconds }), 0.5),
    async ingest(seconds) {
      const measured = await producer.ask({ seconds });
      return measured.acknowledged / measured.seconds;
    },
    settle: () => cluster.settle(),
    async close() {
      for (const worker of workers) await worker.close();
      await server.close();
    },
  };
}

function result(
  measured: Readonly<
    Record<string, { readonly holdfast: readonly number[]; readonly reference: readonly number[] }>
  >,
  rows: number,
): BenchResult {
  const text = (values: readonly number[]) => `${count(median(values))}/s`;
  return {
    rows: Object.entries(measured).map(([name, { holdfast, reference }]) => ({
      name,
      values: { [count(SMALL)]: text(reference), [count(rows)]: text(holdfast) },
    })),
    notes: [
      `Lists are one over their median time, one caller. The small one grows by what is ingested, over ${INGEST_SECONDS} s a round.`,
    ],
    verdicts: Object.entries(measured).map(
      ([name, { holdfast, reference }]): Verdict => ({
        name: `growth, ${name}`,
        holdfast: text(holdfast),
        reference: text(reference),
        unit: "×",
        values: ratios(holdfast, reference),
        reach: { atLeast: 0.9 },
      }),
    ),
    figures: { measured, rows },
  };
}
