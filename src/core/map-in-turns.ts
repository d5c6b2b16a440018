import { setImmediate } from "node:timers/promises";

/** Milliseconds of work after which others have their turn. */
const TURN_MS = 4;

/** What `map` makes of each item, in order; between two items others of the event loop have their turn when it took long. */
export async function mapInTurns<T, R>(
  items: readonly T[],
  map: (item: T, index: number) => R,
): Promise<readonly R[]> {
  const results: R[] = [];
  let since = performance.now();
  for (const [index, item] of items.entries()) {
    results.push(map(item, index));
    if (performance.now() - since < TURN_MS) continue;
    await setImmediate();
    since = performance.now();
  }
  return results;
}
