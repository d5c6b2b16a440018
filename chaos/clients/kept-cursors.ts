import type { Cursor } from "@holdfast/client";

/** A cursor and the subscription that gave it. */
export interface KeptCursor {
  readonly sub: string;
  readonly cursor: Cursor;
}

/** More than pages come within the longest time that a standby lags. */
const MOST = 2000;

/** The cursors of the last pages, to go back to when the log turns out to have lost what was read. */
export class KeptCursors {
  #cursors: KeptCursor[] = [];
  #steps = 1;

  get last(): KeptCursor | undefined {
    return this.#cursors.at(-1);
  }

  /** The one so many before the last; the first when there are fewer. */
  before(steps: number): KeptCursor | undefined {
    return this.#cursors[Math.max(0, this.#cursors.length - 1 - steps)];
  }

  keep(cursor: KeptCursor): void {
    this.#steps = 1;
    this.#cursors.push(cursor);
    if (this.#cursors.length > 2 * MOST) this.#cursors = this.#cursors.slice(-MOST);
  }

  /** Forgets the last one, and each time again twice as many, until one is kept again; without any it is the start. */
  goBack(): void {
    this.#cursors.splice(-this.#steps);
    this.#steps *= 2;
  }
}
