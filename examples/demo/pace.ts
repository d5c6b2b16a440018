import { setTimeout as delay } from "node:timers/promises";

/** What the agent thinks before each action, against the working of it. */
const THINKING_SHARE = 0.25;

/** Lets a run of `workMs` take `totalMs` altogether, each step its share; 0 does not wait at all. */
export function createPace(totalMs: number, workMs: number, steps: number) {
  const perWorkMs = (totalMs * (1 - THINKING_SHARE)) / workMs;
  const thinkingMs = (totalMs * THINKING_SHARE) / steps;
  // The event loop turns between steps in any case, so that what each records goes out.
  return {
    think: () => delay(thinkingMs),
    work: (ms: number) => delay(ms * perWorkMs),
  };
}
