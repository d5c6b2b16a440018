/** Slices that together make up what is recent; one at a time is forgotten. */
const SLICES = 6;
const SLICE_MS = 10_000;
/** Each bucket's bound is this much above the one before: a quantile is right to half of it. */
const RATIO = 1.2;
/** The bound of the first bucket, in seconds; shorter durations count as this. */
const SHORTEST = 0.0001;
/** 0.1 ms × 1.2^72 is 50 s; longer durations count as that. */
const BUCKETS = 73;

interface Slice {
  readonly startMs: number;
  readonly counts: Uint32Array;
}

/** How long things took within about the last minute, in constant memory. */
export class RecentDurations {
  readonly #now: () => number;
  #slices: Slice[] = [];

  /** @param now milliseconds of a clock that does not go back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(seconds: number): void {
    const bucket = Math.ceil(Math.log(seconds / SHORTEST) / Math.log(RATIO));
    const { counts } = this.#current();
    const index = Math.min(BUCKETS - 1, Math.max(0, bucket));
    counts[index] = (counts[index] ?? 0) + 1;
  }

  get count(): number {
    return this.#totals().reduce((sum, count) => sum + count, 0);
  }

  /** In seconds; undefined when nothing is recent. @param share from 0 to 1 */
  quantile(share: number): number | undefined {
    const totals = this.#totals();
    const rank = share * totals.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    for (const [bucket, count] of totals.entries()) {
      seen += count;
      // The middle of the bucket, by ratio.
      if (count > 0 && seen >= rank) return SHORTEST * RATIO ** (bucket - 0.5);
    }
    return undefined;
  }

  #current(): Slice {
    this.#forget();
    const startMs = this.#now();
    const last = this.#slices.at(-1);
    if (last && startMs - last.startMs < SLICE_MS) return last;
    const slice = { startMs, counts: new Uint32Array(BUCKETS) };
    this.#slices.push(slice);
    return slice;
  }

  #forget(): void {
    const oldest = this.#now() - SLICES * SLICE_MS;
    this.#slices = this.#slices.filter((slice) => slice.startMs > oldest);
  }

  #totals(): readonly number[] {
    this.#forget();
    const totals = new Array<number>(BUCKETS).fill(0);
    for (const { counts } of this.#slices) {
      for (const [bucket, count] of counts.entries()) totals[bucket] = (totals[bucket] ?? 0) + count;
    }
    return totals;
  }
}
