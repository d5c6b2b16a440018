import type { CommittedChange } from "../store/committed-change.js";

export interface RecentLimits {
  /** Changes kept at most. */
  readonly maxChanges: number;
  /** Their bytes at most. */
  readonly maxBytes: number;
}

/** The end of a tenant's log, in memory: a run of changes without a gap, bounded in number and bytes. */
export class RecentChanges {
  readonly #limits: RecentLimits;
  #changes: CommittedChange[] = [];
  #bytes = 0;
  #end: bigint;

  /** @param end the position the log ended at when this began. */
  constructor(end: bigint, limits: RecentLimits) {
    this.#end = end;
    this.#limits = limits;
  }

  /** The last position known. */
  get end(): bigint {
    return this.#end;
  }

  /** Adds what follows the end directly; what is there already is passed over. Returns whether there was a gap. */
  add(changes: readonly CommittedChange[]): boolean {
    for (const change of changes) {
      if (change.position <= this.#end) continue;
      if (change.position > this.#end + 1n) return true;
      this.#changes.push(change);
      this.#bytes += change.byteLength;
      this.#end = change.position;
    }
    this.#trim();
    return false;
  }

  /** What follows a position, or undefined if not all of it is still here. */
  after(position: bigint, maxChanges: number): readonly CommittedChange[] | undefined {
    if (position >= this.#end) return [];
    const first = this.#changes[0]?.position;
    if (first === undefined || position < first - 1n) return undefined;
    const from = Number(position - first) + 1;
    return this.#changes.slice(from, from + maxChanges);
  }

  #trim(): void {
    const { maxChanges, maxBytes } = this.#limits;
    if (this.#changes.length <= maxChanges && this.#bytes <= maxBytes) return;
    // A quarter more than needed goes, so that this is not done for every change.
    const keepChanges = (maxChanges * 3) / 4;
    const keepBytes = (maxBytes * 3) / 4;
    let dropped = 0;
    while (
      dropped < this.#changes.length &&
      (this.#changes.length - dropped > keepChanges || this.#bytes > keepBytes)
    ) {
      this.#bytes -= this.#changes[dropped]?.byteLength ?? 0;
      dropped += 1;
    }
    this.#changes = this.#changes.slice(dropped);
  }
}
