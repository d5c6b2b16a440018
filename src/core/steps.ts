/** Milliseconds of work after which others have a turn. */
const TURN_MS = 4;

/** Work that yields after each step, so that whoever wants its result can do something else in between. */
export type Steps<T> = Generator<void, T>;

/** The result, by all steps at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/**
 * The result, with turns in between for all else that the event loop has to do.
 *
 * @param turn begins a turn and resolves when the work may go on; when it rejects the work is given up
 */
export async function finishInTurns<T>(steps: Steps<T>, turn: () => Promise<unknown>): Promise<T> {
  let until = performance.now() + TURN_MS;
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() < until) continue;
    await turn();
    until = performance.now() + TURN_MS;
  }
}
