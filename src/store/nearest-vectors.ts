/** Of what was added so far that which is most like what is looked for. */
export interface NearestVectors<T> {
  /** How like it something must be to be kept. */
  readonly least: number;
  add(likeness: number, item: T): void;
  /** At most `limit` items, the nearest first. */
  best(): readonly T[];
}

interface Kept<T> {
  readonly likeness: number;
  readonly item: T;
}

/** @param order of equally near ones, as of `sort`. */
export function createNearestVectors<T>(limit: number, order: (a: T, b: T) => number): NearestVectors<T> {
  const kept: Kept<T>[] = [];
  let least = Number.NEGATIVE_INFINITY;

  const keepBest = () => {
    kept.sort((a, b) => b.likeness - a.likeness || order(a.item, b.item));
    kept.splice(limit);
    if (kept.length === limit) least = kept.at(-1)?.likeness ?? least;
  };
  return {
    get least() {
      return least;
    },
    add(likeness, item) {
      if (likeness < least) return;
      kept.push({ likeness, item });
      if (kept.length >= 2 * limit) keepBest();
    },
    best() {
      keepBest();
      return kept.map(({ item }) => item);
    },
  };
}
