/** Of the vectors added so far those that point most nearly the same way as the one asked for. */
export interface NearestVectors<T> {
  /** @param sent as many numbers as that one has, of `NUMBER_BYTES` each. */
  add(sent: Buffer, item: T): void;
  /** At most `limit` items, the nearest first. A vector of zeroes points nowhere. */
  best(): readonly T[];
}

/** Of one number of a vector as it is sent: a float, the higher bytes first. */
export const NUMBER_BYTES = 4;

interface Kept<T> {
  readonly likeness: number;
  readonly item: T;
}

/**
 * Compares by cosine, in double precision.
 *
 * @param order of equally near ones, as of `sort`.
 */
export function createNearestVectors<T>(
  wanted: readonly number[],
  limit: number,
  order: (a: T, b: T) => number,
): NearestVectors<T> {
  const numbers = Float32Array.from(wanted);
  const length = Math.sqrt(numbers.reduce((sum, number) => sum + number * number, 0));
  const kept: Kept<T>[] = [];
  let worst = Number.NEGATIVE_INFINITY;

  const keepBest = () => {
    kept.sort((a, b) => b.likeness - a.likeness || order(a.item, b.item));
    kept.splice(limit);
    if (kept.length === limit) worst = kept.at(-1)?.likeness ?? worst;
  };
  return {
    add(sent, item) {
      const likeness = projection(numbers, sent) / length;
      // Written so that NaN is left out.
      if (!(likeness >= worst)) return;
      kept.push({ likeness, item });
      if (kept.length >= 2 * limit) keepBest();
    },
    best() {
      keepBest();
      return kept.map(({ item }) => item);
    },
  };
}

/** Of one vector on another, in lengths of the former. */
function projection(wanted: Float32Array, sent: Buffer): number {
  const view = new DataView(sent.buffer, sent.byteOffset, sent.byteLength);
  let product = 0;
  let square = 0;
  let at = 0;
  for (const number of wanted) {
    const other = view.getFloat32(at);
    product += number * other;
    square += other * other;
    at += NUMBER_BYTES;
  }
  return product / Math.sqrt(square);
}
