/** Resolves when more work may be begun, see FairTurns; undefined if that is now. */
export type Turn = () => Promise<void> | undefined;

/** Items between two questions for a turn: a few hundred microseconds of work where they are usual ones. */
const ITEMS_A_TURN = 16;
/** Milliseconds of work after which there is one in any case: an item may hold thousands of numbers. */
const TURN_MS = 1;

/**
 * What `map` makes of each item, in order. In between others have their turn.
 *
 * @param turn asked before the first item too; without it the event loop goes round after each millisecond of work
 */
export async function mapInTurns<T, R>(
  items: readonly T[],
  map: (item: T, index: number) => R,
  turn?: Turn,
): Promise<R[]> {
  const mapped: R[] = [];
  let since = performance.now();
  for (const [i, item] of items.entries()) {
    if ((turn && i % ITEMS_A_TURN === 0) || performance.now() - since >= TURN_MS) {
      await (turn ?? nextRound)();
      since = performance.now();
    }
    mapped.push(map(item, i));
  }
  return mapped;
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
