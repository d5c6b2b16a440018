import { HoldfastError } from "@holdfast/client";
import { monotonicMs } from "../clock.js";
import type { LedgerLine } from "../ledger/ledger-line.js";
import type { LineFile } from "../ledger/line-file.js";
import { tokenId } from "../ledger/token.js";

/** Answers after which the caller cannot know whether the write took place. */
const UNKNOWN_CODES = new Set(["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "INTERNAL"]);

/** Keeps the ledger of one sequence of writes. */
export class Lane {
  readonly number: number;
  readonly #ledger: LineFile<LedgerLine>;
  #next = 0;
  #open = 0;
  /** Acknowledgements that follow each other in number and position make one line. */
  #run: { from: number; to: number; p: number } | undefined;

  constructor(number: number, ledger: LineFile<LedgerLine>) {
    this.number = number;
    this.#ledger = ledger;
  }

  /** How many have no outcome yet. */
  get open(): number {
    return this.#open;
  }

  id(n: number): string {
    return tokenId({ lane: this.number, n });
  }

  /** Notes that so many writes are about to be made; returns the number of the first. */
  invoke(count = 1): number {
    const from = this.#next;
    this.#next += count;
    this.#open += count;
    this.#ledger.write({ k: "invoke", lane: this.number, from, to: from + count - 1, t: monotonicMs() });
    // On its way to the file before it is on its way to the server.
    this.#ledger.flush();
    return from;
  }

  acknowledged(n: number, position: bigint): void {
    this.#open -= 1;
    const p = Number(position);
    const run = this.#run;
    if (run && n === run.to + 1 && p === run.p + (n - run.from)) {
      run.to = n;
      return;
    }
    if (run) this.#writeRun();
    else queueMicrotask(() => setImmediate(() => this.#writeRun()));
    this.#run = { from: n, to: n, p };
  }

  /** Notes why a write was not acknowledged. Returns whether its outcome is unknown. */
  failed(n: number, thrown: unknown, count = 1): boolean {
    this.#open -= count;
    const { code, reason, message } = HoldfastError.from(thrown);
    // The client repeats what is OVERLOADED, as it does what is UNAVAILABLE: this is the last of several answers.
    const isUnknown = UNKNOWN_CODES.has(code) || reason === "ABANDONED" || reason === "OVERLOADED";
    const line = {
      lane: this.number,
      from: n,
      to: n + count - 1,
      reason: `${code} ${reason}`,
      t: monotonicMs(),
    };
    this.#ledger.write(isUnknown ? { k: "unknown", ...line } : { k: "fail", ...line });
    if (code === "INTERNAL" && reason === "INTERNAL") {
      const text = `a write of lane ${this.number} ended as INTERNAL: ${message}`;
      this.#ledger.write({ k: "saw", guarantee: "Live", text, t: monotonicMs() });
    }
    return isUnknown;
  }

  /** Notes that writes are kept in the client's journal: they will be stored. */
  journaled(from: number, count = 1): void {
    this.#open -= count;
    const to = from + count - 1;
    this.#ledger.write({ k: "journaled", lane: this.number, from, to, reason: "", t: monotonicMs() });
    // What follows may be the end of this process.
    this.#ledger.flush();
  }

  /** Notes that there was nothing to do. */
  nothing(n: number): void {
    this.#open -= 1;
    const reason = "nothing to do";
    this.#ledger.write({ k: "nothing", lane: this.number, from: n, to: n, reason, t: monotonicMs() });
  }

  /** Notes that writes whose outcome was unknown are tried again, under the same ids. */
  again(count = 1): void {
    this.#open += count;
  }

  #writeRun(): void {
    if (!this.#run) return;
    this.#ledger.write({ k: "ack", lane: this.number, ...this.#run, t: monotonicMs() });
    this.#run = undefined;
  }
}
