import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll } from "vitest";
import { STOP_SIGNALS } from "../runner/cancel-on-signals.js";
import { LeakError } from "./leak-error.js";

/** What a file has ended goes within milliseconds, on a busy machine in seconds; what is still there then stays. */
const GONE_WITHIN_MS = 60_000;

/**
 * A signal to the whole process group reaches the workers too. They go on with the file, since its hooks remove what it
 * has made: the main process cancels the run.
 */
const goOn = () => undefined;

let before: Map<string, number>;
beforeAll(() => {
  for (const signal of STOP_SIGNALS) process.on(signal, goOn);
  before = held();
  // The runner itself has one now and then, not always.
  before.delete("Timeout");
});

// Registered before any hook of the file, it runs after all of them.
afterAll(async () => {
  try {
    await expectNothingLeft();
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, goOn);
  }
});

async function expectNothingLeft(): Promise<void> {
  const deadline = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const left = [...held()].filter(([what, count]) => count > (before.get(what) ?? 0));
    if (left.length === 0) return;
    if (performance.now() > deadline) {
      const counted = left.map(([what, count]) => `${what}: ${count}, before ${before.get(what) ?? 0}`);
      throw new LeakError(`this file of tests leaves something behind:\n${counted.join("\n")}`);
    }
    await delay(20);
  }
}

/** Libraries look after what they made until the process ends by one listener for all of it. */
const KEPT_FOR_ALL = new Set<string | symbol>(["exit", "beforeExit"]);

/** How many there are of each kind of socket, process, timer or file that keeps this process alive, and listener of it. */
function held(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const event of process.eventNames()) {
    if (!KEPT_FOR_ALL.has(event)) counts.set(`listener of ${String(event)}`, process.listenerCount(event));
  }
  return counts;
}
