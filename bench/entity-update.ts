import { connect } from "@holdfast/client";
import type { Bench, BenchResult } from "./bench.js";
import { ratios } from "./support/judge.js";
import { takeTurns } from "./support/rounds.js";
import { startServer } from "./support/server.js";
import { median, quantile } from "./support/statistics.js";
import { count } from "./support/table.js";
import { warmUp } from "./support/warm-up.js";
import { startWorker, type Worker } from "./support/worker.js";

const CLIENTS = 32;
const GOALS = 1024;
const BATCH = 256;
const WARM_UP_UPDATES = 8000;

/** What one side did in a round. */
interface Side {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Changes of state: each is checked, keeps the past state, and has its place in the log. */
export const entityUpdate: Bench = {
  name: "entity-update",
  about: `field-mask updates of ${GOALS} goals by ${CLIENTS} clients, against UPDATE and a history row in one statement over ${CLIENTS} connections`,
  async run({ cluster, profileDirectory, seconds, rounds, say }) {
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Worker<never, unknown>[] = [];
    const client = (module: string, args: readonly string[]) => {
      const url = new URL(module, import.meta.url);
      const worker = startWorker<{ seconds: number }, readonly number[]>(url, args, profileDirectory);
      workers.push(worker);
      return async (forSeconds: number) => sideOf(await worker.ask({ seconds: forSeconds }), forSeconds);
    };
    try {
      const goals = await createGoals(server.address);
      const updates = client("entity-update/updater.js", [server.address, String(CLIENTS), goals.join(",")]);
      const direct = client("entity-update/direct-updater.js", [cluster.url, String(CLIENTS)]);
      const empty = client("support/empty-calls.js", [server.address, String(CLIENTS)]);
      for (const side of [updates, direct, empty]) {
        await warmUp(seconds, WARM_UP_UPDATES, async (each) => (await side(each)).perSecond * each);
      }
      say(`${rounds} rounds of ${seconds} s each`);
      const sides = { holdfast: () => updates(seconds), reference: () => direct(seconds) };
      const measured = await takeTurns(rounds, sides, (holdfast, reference) =>
        say(`  direct ${count(reference.perSecond)}/s, holdfast ${count(holdfast.perSecond)}/s`),
      );
      return result(measured.holdfast, measured.reference, await empty(seconds));
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
    }
  },
};

async function createGoals(address: string): Promise<readonly string[]> {
  const holdfast = connect({ address });
  try {
    const ids: string[] = [];
    while (ids.length < GOALS) {
      const inputs = Array.from({ length: BATCH }, (_, i) => ({
        title: `goal ${ids.length + i}`,
        priority: 0.5,
      }));
      for (const outcome of await holdfast.goals.batchCreate(inputs)) {
        if (outcome.error) throw outcome.error;
        ids.push(outcome.id);
      }
    }
    return ids;
  } finally {
    await holdfast.close();
  }
}

function sideOf(times: readonly number[], seconds: number): Side {
  return { perSecond: times.length / seconds, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

function result(holdfast: readonly Side[], direct: readonly Side[], empty: Side): BenchResult {
  const rate = (side: readonly Side[]) => median(side.map(({ perSecond }) => perSecond));
  const row = (name: string, side: readonly Side[]) => ({
    name,
    values: {
      "calls/s": count(rate(side)),
      "p50 ms": median(side.map(({ p50Ms }) => p50Ms)).toFixed(2),
      "p99 ms": median(side.map(({ p99Ms }) => p99Ms)).toFixed(2),
    },
  });
  const verdict = {
    name: "entity-update",
    holdfast: `${count(rate(holdfast))}/s`,
    reference: `${count(rate(direct))}/s`,
    unit: "×",
    values: ratios(
      holdfast.map(({ perSecond }) => perSecond),
      direct.map(({ perSecond }) => perSecond),
    ),
    reach: { atLeast: 0.5 },
  } as const;
  return {
    rows: [row("direct", direct), row("holdfast", holdfast), row("empty calls", [empty])],
    notes: ["Empty calls are those of grpc.health.v1: what gRPC alone allows this many clients."],
    verdicts: [verdict],
    figures: { holdfast, direct, empty },
  };
}
