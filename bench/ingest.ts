import { randomUUID } from "node:crypto";
import { connect } from "@holdfast/client";
import pg from "pg";
import { DEFAULT_TENANT_ID } from "../src/rpc/tenant-metadata.js";
import type { Bench, BenchContext, BenchResult } from "./bench.js";
import type { DirectRequest } from "./ingest/direct-writer.js";
import { type Measurement, PAYLOAD_BYTES, SESSIONS, STREAMS } from "./ingest/workload.js";
import { cpuTimeMs } from "./support/cpu-time.js";
import { startServer } from "./support/server.js";
import { median, quantile, spread } from "./support/statistics.js";
import { count } from "./support/table.js";
import { startWorker, type Worker } from "./support/worker.js";

const WARM_UP_SECONDS = 2;
/** Of which the reference takes the one that is best here. */
const DIRECT_BATCHES = [100, 250, 500, 1000];
const CALIBRATION_SECONDS = 1;

/** Durable acknowledged observations a second, beside the same rows by one direct connection. */
export const ingest: Bench = {
  name: "ingest",
  about: `${PAYLOAD_BYTES}-byte observations, ${STREAMS} streams over ${SESSIONS} sessions of one tenant, against one direct connection`,
  async run(context) {
    const { cluster, profileDirectory } = context;
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Worker<never, Measurement>[] = [];
    try {
      const direct = await startDirect(context, server.address);
      workers.push(direct);
      const sessions = await openSessions(server.address, undefined);
      const module = new URL("ingest/producer.js", import.meta.url);
      const args = [server.address, sessions.join(",")];
      const producer = startWorker<{ seconds: number }, Measurement>(module, args, profileDirectory);
      workers.push(producer);
      return await measure(context, { direct, producer, serverPid: server.pid });
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
    }
  },
};

interface Sides {
  readonly direct: Worker<DirectRequest, Measurement>;
  readonly producer: Worker<{ seconds: number }, Measurement>;
  readonly serverPid: number;
}

/** A round of one side: what was measured, and the CPU time of everyone who took part. */
interface Round extends Measurement {
  readonly serverCpuMs: number | undefined;
  readonly postgresCpuMs: number | undefined;
}

async function measure(context: BenchContext, sides: Sides): Promise<BenchResult> {
  const { seconds, rounds, say } = context;
  const watch = watcher(context, sides.serverPid);
  say(`warming up, ${WARM_UP_SECONDS} s each`);
  await sides.direct.ask({ seconds: WARM_UP_SECONDS, batch: 500 });
  await sides.producer.ask({ seconds: WARM_UP_SECONDS });
  const batch = await bestBatch(sides.direct);
  say(`${rounds} rounds of ${seconds} s each; the direct connection writes ${batch} rows at a time`);
  const started = new Date();
  const direct: Round[] = [];
  const holdfast: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    direct.push(await watch(() => sides.direct.ask({ seconds, batch })));
    holdfast.push(await watch(() => sides.producer.ask({ seconds })));
    say(`  direct ${count(perSecond(direct.at(-1)))}/s, holdfast ${count(perSecond(holdfast.at(-1)))}/s`);
  }
  const perCommit = await entriesPerCommit(context, started);
  const ratios = holdfast.map((round, i) => perSecond(round) / perSecond(direct[i]));
  const sumUp = (side: readonly Round[]) =>
    side.map(({ latenciesMs, ...rest }) => ({ ...rest, ...latencies(latenciesMs) }));
  return {
    rows: [
      { name: `direct, batches of ${batch}`, values: columns(direct) },
      { name: "holdfast", values: columns(holdfast) },
    ],
    notes: [
      `ratio ${median(ratios).toFixed(2)} (${ratios.map((ratio) => ratio.toFixed(2)).join(", ")})`,
      `holdfast wrote ${count(perCommit)} observations a commit on average`,
      "CPU is microseconds an observation; the writer is the producer, or the process with the direct connection.",
      "Latency is from recording to acknowledgement, under full load; of the direct connection that of a statement.",
    ],
    verdicts: [
      {
        name: "ingest",
        holdfast: `${count(median(holdfast.map(perSecond)))}/s`,
        reference: `${count(median(direct.map(perSecond)))}/s`,
        unit: "×",
        values: ratios,
        reach: { atLeast: 0.8 },
      },
    ],
    figures: {
      ratio: median(ratios),
      ratios,
      batch,
      perCommit,
      direct: sumUp(direct),
      holdfast: sumUp(holdfast),
    },
  };
}

function columns(side: readonly Round[]): Record<string, string> {
  const rates = side.map(perSecond);
  const of = (share: "p50Ms" | "p99Ms") =>
    median(side.map((round) => latencies(round.latenciesMs)[share])).toFixed(1);
  return {
    "acked/s": count(median(rates)),
    spread: `${(spread(rates) * 100).toFixed(0)} %`,
    "p50 ms": of("p50Ms"),
    "p99 ms": of("p99Ms"),
    "cpu: writer": cpuColumn(side, (round) => round.cpuMs),
    server: cpuColumn(side, (round) => round.serverCpuMs),
    postgres: cpuColumn(side, (round) => round.postgresCpuMs),
  };
}

function cpuColumn(side: readonly Round[], of: (round: Round) => number | undefined): string {
  const each = side.map((round) => ((of(round) ?? Number.NaN) * 1000) / round.acknowledged);
  return Number.isNaN(median(each)) ? "–" : median(each).toFixed(1);
}

function latencies(values: readonly number[]) {
  return { p50Ms: quantile(values, 0.5), p99Ms: quantile(values, 0.99) };
}

function perSecond(round: Round | undefined): number {
  return round ? round.acknowledged / round.seconds : Number.NaN;
}

function watcher({ cluster }: BenchContext, serverPid: number) {
  const difference = (after: number | undefined, before: number | undefined) =>
    after === undefined || before === undefined ? undefined : after - before;
  return async (work: () => Promise<Measurement>): Promise<Round> => {
    const [server, postgres] = [cpuTimeMs(serverPid), cpuTimeMs(cluster.pid)];
    const measurement = await work();
    return {
      ...measurement,
      serverCpuMs: difference(cpuTimeMs(serverPid), server),
      postgresCpuMs: difference(cpuTimeMs(cluster.pid), postgres),
    };
  };
}

async function bestBatch(direct: Sides["direct"]): Promise<number> {
  let best = { batch: 0, rate: 0 };
  for (const batch of DIRECT_BATCHES) {
    const { acknowledged, seconds } = await direct.ask({ seconds: CALIBRATION_SECONDS, batch });
    if (acknowledged / seconds > best.rate) best = { batch, rate: acknowledged / seconds };
  }
  return best.batch;
}

/** How well the group commit grouped: of the tenant that Holdfast wrote for. */
async function entriesPerCommit({ cluster }: BenchContext, since: Date): Promise<number> {
  const client = new pg.Client({ connectionString: cluster.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ entries: number }>(
      `SELECT avg(position - first_position + 1)::float8 AS entries FROM holdfast.commits
       WHERE commit_time > $1 AND tenant_id = $2`,
      [since, DEFAULT_TENANT_ID],
    );
    return rows[0]?.entries ?? Number.NaN;
  } finally {
    await client.end();
  }
}

/** The reference writes for a tenant of its own: the same tables and indexes, another log. */
async function startDirect(
  { cluster, profileDirectory }: BenchContext,
  address: string,
): Promise<Sides["direct"]> {
  const tenantId = randomUUID();
  const sessions = await openSessions(address, tenantId);
  const module = new URL("ingest/direct-writer.js", import.meta.url);
  return startWorker(module, [cluster.url, tenantId, sessions.join(",")], profileDirectory);
}

async function openSessions(address: string, tenantId: string | undefined): Promise<readonly string[]> {
  const holdfast = connect({ address, ...(tenantId !== undefined && { tenantId }) });
  try {
    const opened = Array.from({ length: SESSIONS }, () => holdfast.sessions.open({ type: "bench" }));
    return (await Promise.all(opened)).map(({ id }) => id);
  } finally {
    await holdfast.close();
  }
}
