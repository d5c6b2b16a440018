import type { AckLine, LaneLine, LedgerLine, OutcomeLine } from "./ledger-line.js";

/** What became of a write, by what its client knows. */
export const INVOKED = 1;
export const ACKNOWLEDGED = 2;
export const FAILED = 3;
export const UNKNOWN = 4;
/** The server had nothing to do; of an earlier attempt that says nothing. */
export const NOTHING = 5;
/** It was put into the client's journal. */
export const JOURNALED = 6;

/** The writes of one lane by number: a few bytes each, so that there may be millions. */
export class WrittenLane {
  readonly line: LaneLine;
  count = 0;
  outcome = new Uint8Array(64);
  /** Where a write was acknowledged to be; 0 for nowhere. */
  position = new Float64Array(64);
  /** When it was first made. */
  invokedAt = new Float64Array(64);
  /** When it was acknowledged or refused; 0 for neither. */
  answeredAt = new Float64Array(64);
  /** First and last of each group that was made together. */
  readonly groups: (readonly [number, number])[] = [];
  /** Writes acknowledged at two places. */
  readonly moved: number[] = [];

  constructor(line: LaneLine) {
    this.line = line;
  }

  invoke(from: number, to: number, t: number): void {
    this.#grow(to + 1);
    this.groups.push([from, to]);
    for (let n = from; n <= to; n++) {
      this.outcome[n] = INVOKED;
      this.invokedAt[n] = t;
    }
  }

  acknowledge({ from, to, p, t }: AckLine): void {
    for (let n = from; n <= to; n++) {
      const position = p + (n - from);
      if (this.outcome[n] === ACKNOWLEDGED && this.position[n] !== position) this.moved.push(n);
      this.outcome[n] = ACKNOWLEDGED;
      this.position[n] = position;
      this.answeredAt[n] ||= t;
    }
  }

  /** An acknowledgement counts for more than its absence; a refusal does not settle an attempt before it. */
  settle({ from, to, t }: OutcomeLine, outcome: number): void {
    for (let n = from; n <= to; n++) {
      if (this.outcome[n] !== INVOKED) continue;
      this.outcome[n] = outcome;
      if (outcome === FAILED || outcome === NOTHING) this.answeredAt[n] = t;
    }
  }

  #grow(count: number): void {
    this.count = Math.max(this.count, count);
    if (count <= this.outcome.length) return;
    const size = Math.max(count, this.outcome.length * 2);
    const grown = <A extends Uint8Array | Float64Array>(made: A, from: A): A => {
      made.set(from);
      return made;
    };
    this.outcome = grown(new Uint8Array(size), this.outcome);
    this.position = grown(new Float64Array(size), this.position);
    this.invokedAt = grown(new Float64Array(size), this.invokedAt);
    this.answeredAt = grown(new Float64Array(size), this.answeredAt);
  }
}

/** All writes of a run. */
export class Written {
  readonly lanes = new Map<number, WrittenLane>();

  take(line: LedgerLine): void {
    if (line.k === "lane") this.lanes.set(line.lane, new WrittenLane(line));
    if (line.k === "invoke") this.lanes.get(line.lane)?.invoke(line.from, line.to, line.t);
    if (line.k === "ack") this.lanes.get(line.lane)?.acknowledge(line);
    if (line.k === "fail") this.lanes.get(line.lane)?.settle(line, FAILED);
    if (line.k === "nothing") this.lanes.get(line.lane)?.settle(line, NOTHING);
    if (line.k === "journaled") this.lanes.get(line.lane)?.settle(line, JOURNALED);
    if (line.k === "unknown") this.lanes.get(line.lane)?.settle(line, UNKNOWN);
  }

  /** How many have this outcome; those that never got any count as unknown. */
  tally(outcome: number): number {
    let count = 0;
    for (const lane of this.lanes.values()) {
      for (let n = 0; n < lane.count; n++) {
        const is = lane.outcome[n] === INVOKED ? UNKNOWN : lane.outcome[n];
        if (is === outcome) count += 1;
      }
    }
    return count;
  }
}
