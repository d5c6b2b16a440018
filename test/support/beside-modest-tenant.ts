import { Worker } from "node:worker_threads";
import { compiledModule } from "../../src/workers/worker-task.js";
import type { AbusedServer } from "./abused-server.js";
import { expectServed } from "./expect-served.js";
import type { ModestCaller, ModestRound } from "./modest-caller.js";

/** Rounds of the modest tenant's calls before it counts as warmed up, and in the control. */
const WARM_UP_ROUNDS = 20;
const CONTROL_ROUNDS = 60;
/** Fewer rounds beside an abuse say little. */
const MIN_ROUNDS = 10;
/**
 * Runs an abuse beside another tenant's calls, one append and one `/livez` at a time, and expects all of those to be
 * served about as soon as in a control before it, in the same run.
 *
 * @param abuse resolves when it is over; what it gives is given back
 */
export async function besideModestTenant<T>(server: AbusedServer, abuse: () => Promise<T>): Promise<T> {
  const { grpc, http } = server;
  const workerData: ModestCaller = { grpc, http, token: server.token("modest") };
  const worker = new Worker(new URL(compiledModule(new URL("./modest-caller.js", import.meta.url))), {
    workerData,
  });
  const rounds: ModestRound[] = [];
  const listeners = new Set<() => void>();
  worker.on("message", (round: ModestRound) => {
    rounds.push(round);
    for (const listener of listeners) listener();
  });
  const failed = new Promise<never>((_resolve, reject) => worker.once("error", reject));
  failed.catch(() => undefined);
  const until = (count: number) => {
    const reached = new Promise<void>((resolve) => {
      const check = () => {
        if (rounds.length < count) return;
        listeners.delete(check);
        resolve();
      };
      listeners.add(check);
      check();
    });
    return Promise.race([reached, failed]);
  };
  try {
    await until(WARM_UP_ROUNDS);
    const controlFrom = rounds.length;
    await until(controlFrom + CONTROL_ROUNDS);
    const control = rounds.slice(controlFrom);
    const abusedFrom = rounds.length;
    const result = await abuse();
    // The round that was under way when the abuse ended is part of it.
    await until(Math.max(rounds.length + 1, abusedFrom + MIN_ROUNDS));
    expectServed(control, rounds.slice(abusedFrom));
    return result;
  } finally {
    await worker.terminate();
  }
}
