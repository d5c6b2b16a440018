import { randomUUID } from "node:crypto";
import type { Bench, BenchResult } from "./bench.js";
import { PAYLOAD_BYTES } from "./ingest/workload.js";
import { ratios } from "./support/judge.js";
import { openSessions } from "./support/open-sessions.js";
import { takeTurns } from "./support/rounds.js";
import { startServer } from "./support/server.js";
import { median, quantile } from "./support/statistics.js";
import { warmUp } from "./support/warm-up.js";
import { startWorker, type Worker } from "./support/worker.js";

const WARM_UP_CALLS = 5000;

/** What a single event costs a caller who waits for it. */
export const append1: Bench = {
  name: "append-1",
  about: `unary append of one ${PAYLOAD_BYTES}-byte observation by one client, against a prepared INSERT into a table of the same columns and indexes`,
  async run({ cluster, profileDirectory, seconds, rounds, say }) {
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Worker<never, unknown>[] = [];
    const client = (module: string, args: readonly string[]) => {
      const url = new URL(module, import.meta.url);
      const worker = startWorker<{ seconds: number }, readonly number[]>(url, args, profileDirectory);
      workers.push(worker);
      return worker;
    };
    try {
      const [sessionId = ""] = await openSessions(server.address, 1);
      const unary = client("append-1/unary-client.js", [server.address, sessionId]);
      const direct = client("append-1/direct-client.js", [cluster.url, randomUUID(), sessionId]);
      const empty = client("support/empty-calls.js", [server.address, "1"]);
      for (const side of [unary, direct, empty]) {
        await warmUp(seconds, WARM_UP_CALLS, async (each) => (await side.ask({ seconds: each })).length);
      }
      say(`${rounds} rounds of ${seconds} s each`);
      const sides = {
        holdfast: () => unary.ask({ seconds }),
        reference: () => direct.ask({ seconds }),
      };
      const measured = await takeTurns(rounds, sides, (holdfast, reference) =>
        say(
          `  direct ${quantile(reference, 0.5).toFixed(2)} ms, holdfast ${quantile(holdfast, 0.5).toFixed(2)} ms`,
        ),
      );
      return result(measured.holdfast, measured.reference, await empty.ask({ seconds }));
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
    }
  },
};

function result(
  holdfast: readonly (readonly number[])[],
  direct: readonly (readonly number[])[],
  empty: readonly number[],
): BenchResult {
  const at = (side: readonly (readonly number[])[], share: number) =>
    side.map((times) => quantile(times, share));
  const text = (side: readonly (readonly number[])[], share: number) => median(at(side, share)).toFixed(2);
  const row = (name: string, side: readonly (readonly number[])[]) => ({
    name,
    values: { "p50 ms": text(side, 0.5), "p99 ms": text(side, 0.99) },
  });
  const verdict = {
    name: "append-1",
    holdfast: `p50 ${text(holdfast, 0.5)} ms`,
    reference: `p50 ${text(direct, 0.5)} ms`,
    unit: "×",
    values: ratios(at(holdfast, 0.5), at(direct, 0.5)),
    reach: { atMost: 3 },
  } as const;
  return {
    rows: [row("direct", direct), row("holdfast", holdfast), row("an empty call", [empty])],
    notes: ["An empty call is one of grpc.health.v1: what gRPC costs before anything is done."],
    verdicts: [verdict],
    figures: {
      holdfastP50Ms: at(holdfast, 0.5),
      directP50Ms: at(direct, 0.5),
      emptyCallP50Ms: quantile(empty, 0.5),
    },
  };
}
