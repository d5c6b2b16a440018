import { Worker } from "node:worker_threads";
import { expect } from "vitest";
import { compiledModule } from "../../src/workers/worker-task.js";
import type { AbusedServer } from "./abused-server.js";
import type { ModestCaller, ModestRound } from "./modest-caller.js";

/** Rounds of the modest tenant's calls before it counts as warmed up, and in the control. */
const WARM_UP_ROUNDS = 20;
const CONTROL_ROUNDS = 60;
/** Fewer rounds beside an abuse say little. */
const MIN_ROUNDS = 10;
/** A call beside an abuse may take so many times as long as the slowest one of the control, */
const MAX_RATIO = 10;
/** and this many milliseconds more: on a machine that is busy with other things a pause of that length is nobody's fault. */
const SLACK_MS = 1000;

interface Figures {
  readonly rounds: number;
  readonly slowestMs: number;
  readonly errors: readonly string[];
}

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
    const control = figures(rounds.slice(controlFrom));
    const abusedFrom = rounds.length;
    const result = await abuse();
    // The round that was under way when the abuse ended is part of it.
    await until(Math.max(rounds.length + 1, abusedFrom + MIN_ROUNDS));
    expectServed(control, figures(rounds.slice(abusedFrom)));
    return result;
  } finally {
    await worker.terminate();
  }
}

function figures(rounds: readonly ModestRound[]): Figures {
  const times = rounds.flatMap((round) => ("error" in round ? [] : [round.appendMs, round.livezMs]));
  return {
    rounds: rounds.length,
    slowestMs: Math.max(...times),
    errors: rounds.flatMap((round) => ("error" in round ? [round.error] : [])),
  };
}

function expectServed(control: Figures, abused: Figures): void {
  expect(control.errors, "of the control").toEqual([]);
  expect(abused.errors, "beside the abuse").toEqual([]);
  const text = `slowest call of ${abused.rounds} rounds, in ms, where the control's was ${control.slowestMs.toFixed(1)}`;
  expect(abused.slowestMs, text).toBeLessThan(MAX_RATIO * control.slowestMs + SLACK_MS);
}
