/** Resolves when more work may be begun, see FairTurns; undefined if that is now. */
export type Turn = () => Promise<void> | undefined;

/** Items between two questions for a turn: a few hundred microseconds of work. */
const ITEMS_A_TURN = 16;

/** What `map` makes of each item. In between others have their turn; without `turn` it is all done in one go. */
export async function mapInTurns<T, R>(
  items: readonly T[],
  map: (item: T) => R,
  turn: Turn | undefined,
): Promise<R[]> {
  if (!turn) return items.map((item) => map(item));
  const mapped: R[] = [];
  for (const [i, item] of items.entries()) {
    if (i % ITEMS_A_TURN === 0) {
      const waiting = turn();
      if (waiting) await waiting;
    }
    mapped.push(map(item));
  }
  return mapped;
}
