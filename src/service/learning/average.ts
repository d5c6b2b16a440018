/** The average of outcomes between 0 and 1, and how many they were. */
export interface Average {
  readonly score: number;
  readonly count: bigint;
}

/** What the column of a count holds at most. */
const MAX_COUNT = 2n ** 63n - 1n;

/** One more of something that is counted. */
export function increment(count: bigint): bigint {
  return add(count, 1n);
}

/**
 * The average after one more outcome. With a learning rate that is how far the
 * average moves towards each outcome; without one it is their mean. A first
 * guess, which has no count, gives way to the first outcome.
 */
export function withOutcome(before: Average | undefined, score: number, learningRate?: number): Average {
  const count = increment(before?.count ?? 0n);
  if (!before || before.count <= 0n || !Number.isFinite(before.score)) return { score, count };
  // Not (sum + score) / count: the sum is not kept, and this stays exact where score is the average.
  return { score: before.score + (score - before.score) * (learningRate ?? 1 / Number(count)), count };
}

/** The mean of two averages, weighted by their counts. */
export function mergeAverages(one: Average | undefined, other: Average): Average {
  if (!one || one.count <= 0n || !Number.isFinite(one.score)) return other;
  const count = add(one.count, other.count);
  return { score: one.score + (other.score - one.score) * (Number(other.count) / Number(count)), count };
}

/** The average of one thing out of a map of scores and one of counts; undefined if it has no score. */
export function averageOf(
  scores: Readonly<Record<string, number>>,
  counts: Readonly<Record<string, bigint>>,
  name: string,
): Average | undefined {
  // A thing may be named "constructor".
  const score = Object.hasOwn(scores, name) ? scores[name] : undefined;
  const count = Object.hasOwn(counts, name) ? counts[name] : undefined;
  return score === undefined ? undefined : { score, count: count ?? 0n };
}

function add(count: bigint, more: bigint): bigint {
  const sum = (count > 0n ? count : 0n) + more;
  return sum > MAX_COUNT ? MAX_COUNT : sum;
}
