import type { Bench, BenchResult } from "./bench.js";
import { type Measurement, PAYLOAD_BYTES } from "./ingest/workload.js";
import type { ManyWorkload } from "./ingest-many/producer.js";
import { ratios } from "./support/judge.js";
import { bestBatch, startLogWriter } from "./support/log-writer-process.js";
import { openTenants } from "./support/open-tenants.js";
import { takeTurns } from "./support/rounds.js";
import { startServer } from "./support/server.js";
import { median, spread } from "./support/statistics.js";
import { count } from "./support/table.js";
import { warmUp } from "./support/warm-up.js";
import { startWorker, type Worker } from "./support/worker.js";

const TENANTS = 50;
const STREAMS = 200;
const SESSIONS = 1000;
/** Observations of each stream unacknowledged at most: together 19,200, some 384 of each tenant. */
const OUTSTANDING = 96;
const WARM_UP_OBSERVATIONS = 100_000;

/** As ingest, over many tenants: group commit has fewer entries to group, and 50 logs to extend. */
export const ingestMany: Bench = {
  name: "ingest-many",
  about: `${PAYLOAD_BYTES}-byte observations of ${SESSIONS} sessions in ${TENANTS} tenants over ${STREAMS} streams, against one direct connection that writes for as many`,
  long: true,
  async run({ cluster, profileDirectory, seconds, rounds, say }) {
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Worker<never, unknown>[] = [];
    try {
      const tenants = () => openTenants(server.address, TENANTS, SESSIONS / TENANTS);
      const direct = startLogWriter(cluster.url, await tenants(), profileDirectory);
      workers.push(direct);
      const workload: ManyWorkload = {
        tenants: await tenants(),
        streamsOfEach: STREAMS / TENANTS,
        outstanding: OUTSTANDING,
      };
      const producer = startWorker<{ seconds: number }, Measurement>(
        new URL("ingest-many/producer.js", import.meta.url),
        [server.address, JSON.stringify(workload)],
        profileDirectory,
      );
      workers.push(producer);
      await warmUp(
        seconds,
        WARM_UP_OBSERVATIONS,
        async (each) => (await producer.ask({ seconds: each })).acknowledged,
      );
      const batch = await bestBatch(direct);
      say(
        `${rounds} rounds of ${seconds} s each; the direct connection writes ${batch} rows of a tenant at a time`,
      );
      const sides = {
        holdfast: async () => perSecond(await producer.ask({ seconds })),
        reference: async () => perSecond(await direct.ask({ seconds, batch })),
      };
      const measured = await takeTurns(rounds, sides, (holdfast, reference) =>
        say(`  direct ${count(reference)}/s, holdfast ${count(holdfast)}/s`),
      );
      return result(measured.holdfast, measured.reference, batch);
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
    }
  },
};

function perSecond({ acknowledged, seconds }: Measurement): number {
  return acknowledged / seconds;
}

function result(holdfast: readonly number[], direct: readonly number[], batch: number): BenchResult {
  const row = (name: string, rates: readonly number[]) => ({
    name,
    values: { "acked/s": count(median(rates)), spread: `${(spread(rates) * 100).toFixed(0)} %` },
  });
  const verdict = {
    name: "ingest-many",
    holdfast: `${count(median(holdfast))}/s`,
    reference: `${count(median(direct))}/s`,
    unit: "×",
    values: ratios(holdfast, direct),
    reach: { atLeast: 0.5 },
  } as const;
  return {
    rows: [row(`direct, batches of ${batch}`, direct), row("holdfast", holdfast)],
    notes: [`The direct connection goes from tenant to tenant, ${batch} rows of each at a time.`],
    verdicts: [verdict],
    figures: { holdfast, direct, batch },
  };
}
