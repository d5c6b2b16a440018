/** Where a batch ends among the entries of a flight. */
export interface BatchEnd {
  /** How many entries there are up to its last one. */
  readonly count: number;
  /** Whether its entries may be stored in several transactions. */
  readonly isDivisible: boolean;
}

interface Batch {
  readonly entries: readonly unknown[];
  readonly isDivisible: boolean;
}

export function batchEnds(batches: readonly Batch[]): readonly BatchEnd[] {
  let count = 0;
  return batches.map(({ entries, isDivisible }) => {
    count += entries.length;
    return { count, isDivisible };
  });
}

/** Those of the first `count` entries; the last batch may be cut. */
export function endsWithin(ends: readonly BatchEnd[], count: number): readonly BatchEnd[] {
  const last = ends.findIndex((end) => end.count >= count);
  return ends.slice(0, last + 1).map((end, i) => (i < last ? end : { ...end, count }));
}

/** Those of the entries behind the first `count`; of a batch that was cut there, the rest. */
export function endsBehind(ends: readonly BatchEnd[], count: number): readonly BatchEnd[] {
  return ends.filter((end) => end.count > count).map((end) => ({ ...end, count: end.count - count }));
}

/**
 * How many entries to store in one transaction that has room for `count`: those of the batches that end within it. If
 * the first batch does not, `count` of its entries, or none if it may not be divided.
 */
export function wholeBatches(ends: readonly BatchEnd[], count: number): number {
  const whole = ends.findLast((end) => end.count <= count)?.count;
  return whole ?? (ends[0]?.isDivisible === false ? 0 : count);
}

/** Half of `count` entries, or less or more so that batches stay whole; a single batch is divided, whichever it is. */
export function halfOfBatches(ends: readonly BatchEnd[], count: number): number {
  const half = Math.ceil(count / 2);
  const first = ends[0]?.count ?? count;
  return first < count ? wholeBatches(ends, Math.max(first, half)) : half;
}
