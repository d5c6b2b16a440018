import { type CommitMark, isSameMark } from "../store/commit-mark.js";
import type { CommittedChange } from "../store/committed-change.js";
import { CommitTrail } from "./commit-trail.js";
import type { Commit } from "./write-flush.js";

export interface RecentLimits {
  /** Changes kept at most. */
  readonly maxChanges: number;
  /** Their bytes at most. */
  readonly maxBytes: number;
}

/** What became of changes that were to be added: `gap` when some are missing before them. */
export type Added = "added" | "gap" | "diverged";

/** The end of a tenant's log, in memory: a run of changes without a gap, bounded in number and bytes, of one history. */
export class RecentChanges {
  readonly #limits: RecentLimits;
  readonly #trail: CommitTrail;
  #changes: CommittedChange[] = [];
  #bytes = 0;
  #end: bigint;

  /** @param end the commit that the log ended with when this began */
  constructor(end: CommitMark, limits: RecentLimits) {
    this.#end = end.position;
    this.#trail = new CommitTrail(end);
    this.#limits = limits;
  }

  /** The last position known. */
  get end(): bigint {
    return this.#end;
  }

  /** The commits of these changes; the last one contains the end. */
  get trail(): CommitTrail {
    return this.#trail;
  }

  /** Adds a commit that follows the end directly; what is there already is passed over. */
  commit({ previousHash, mark, changes }: Omit<Commit, "logId">): Added {
    const last = this.#trail.last;
    const made = changes();
    const before = { position: (made[0]?.position ?? 0n) - 1n, hash: previousHash };
    if (before.position === last.position && !isSameMark(before, last)) return "diverged";
    // No commit begins within another one.
    if (before.position < last.position && mark.position > last.position) return "diverged";
    return this.add(made, [mark]);
  }

  /** Adds what follows the end directly, and the commits of it, of which the last may end later; as `commit` does. */
  add(changes: readonly CommittedChange[], commits: readonly CommitMark[]): Added {
    if (commits.some((mark) => this.#trail.has(mark) === false)) return "diverged";
    for (const change of changes) {
      if (change.position <= this.#end) continue;
      if (change.position > this.#end + 1n) return "gap";
      this.#changes.push(change);
      this.#bytes += change.byteLength;
      this.#end = change.position;
    }
    for (const mark of commits) this.#trail.add(mark);
    this.#trim();
    return "added";
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
    this.#trail.forgetBefore((this.#changes[0]?.position ?? this.#end + 1n) - 1n);
  }
}
