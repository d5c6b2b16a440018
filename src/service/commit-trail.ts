import { type CommitMark, isSameMark } from "../store/commit-mark.js";

/** The last commits of a log, in order: a run of them without a gap. */
export class CommitTrail {
  #marks: CommitMark[];

  /** @param end the commit that the log ended with when this began */
  constructor(end: CommitMark) {
    this.#marks = [copyOf(end)];
  }

  get marks(): readonly CommitMark[] {
    return this.#marks;
  }

  get last(): CommitMark {
    return this.#marks.at(-1) as CommitMark;
  }

  /** Adds what follows the last one; what is there already is passed over. */
  add(mark: CommitMark): void {
    if (mark.position > this.last.position) this.#marks.push(copyOf(mark));
  }

  /** The commit that contains a position; undefined if it is not one of these. */
  at(position: bigint): CommitMark | undefined {
    const index = this.#indexOf(position);
    // What the first one begins with is not known.
    return index > 0 || this.#marks[0]?.position === position ? this.#marks[index] : undefined;
  }

  /** Whether the log has this commit; undefined if that cannot be told from these. */
  has(mark: CommitMark): boolean | undefined {
    const [first] = this.#marks;
    if (!first || mark.position < first.position || mark.position > this.last.position) return undefined;
    return isSameMark(this.#marks[this.#indexOf(mark.position)], mark);
  }

  /** Forgets all before the last commit that ends at a position or before it. */
  forgetBefore(position: bigint): void {
    const index = this.#indexOf(position);
    const first = this.#marks[index]?.position === position ? index : index - 1;
    if (first > 0) this.#marks = this.#marks.slice(first);
  }

  /** Of the first one that ends at a position or after it. */
  #indexOf(position: bigint): number {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle] as CommitMark).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Without what it came in: the driver's bytes are part of all that was received with them. */
function copyOf({ position, hash }: CommitMark): CommitMark {
  return { position, hash: Uint8Array.from(hash) };
}
