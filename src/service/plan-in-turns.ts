import type { FlushPlan, Planning } from "./flush-plan.js";

/** Milliseconds of planning after which others have a turn. Each turn costs the flush a round trip to the database. */
const TURN_MS = 4;

/** The plan, made without a pause: for plans that never yield, and for tests. */
export function planAtOnce(planning: Planning): FlushPlan {
  for (;;) {
    const { done, value } = planning.next();
    if (done) return value;
  }
}

/**
 * The plan, with turns in between for all else that the event loop has to do.
 *
 * @param turn begins a turn and resolves when the plan may go on; when it rejects the plan is given up
 */
export async function planInTurns(planning: Planning, turn: () => Promise<unknown>): Promise<FlushPlan> {
  let until = performance.now() + TURN_MS;
  for (;;) {
    const { done, value } = planning.next();
    if (done) return value;
    if (performance.now() < until) continue;
    await turn();
    until = performance.now() + TURN_MS;
  }
}
