import type { Guarantee } from "../checks/guarantee.js";

/**
 * One line of a client's ledger. Writes are named by their lane and the range `from` to `to` in it; `t` is in
 * milliseconds of the clock that all processes share.
 */
export type LedgerLine =
  | LaneLine
  | {
      readonly k: "invoke";
      readonly lane: number;
      readonly from: number;
      readonly to: number;
      readonly t: number;
    }
  | AckLine
  | OutcomeLine
  | LeaseLine
  | HeadLine
  | OpenLine
  | PageLine
  | DivergedLine
  | { readonly k: "reads"; readonly what: string; readonly n: number }
  | { readonly k: "saw"; readonly guarantee: Guarantee; readonly text: string; readonly t: number };

/** A sequence of writes that one client makes. */
export interface LaneLine {
  readonly k: "lane";
  readonly lane: number;
  readonly tenant: string;
  readonly role: string;
  /** Which of the ways to the servers it takes. */
  readonly way: number;
  /** The lane that its writer had before this one, if any. */
  readonly continues?: number | undefined;
  /** Whether its writes come in the log in the order they were made. */
  readonly ordered: boolean;
  /** Whether what is invoked together is stored together or not at all. */
  readonly atomic: boolean;
  /** Whether each has the content that `contentOf` gives. */
  readonly hasContent: boolean;
  /** Whether what is not acknowledged goes to a journal, ahead of all that the lane that continues it makes. */
  readonly isJournaled?: boolean;
}

/** `from` is at position `p`, what follows it at the positions that follow. */
export interface AckLine {
  readonly k: "ack";
  readonly lane: number;
  readonly from: number;
  readonly to: number;
  readonly p: number;
  readonly t: number;
}

/**
 * `fail`: refused, so not stored by this attempt. `unknown`: the caller was not told. `nothing`: there was nothing to do.
 * `journaled`: it is in the client's journal, and will be stored.
 */
export interface OutcomeLine {
  readonly k: "fail" | "unknown" | "nothing" | "journaled";
  readonly lane: number;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
  readonly t: number;
}

/** A goal held by an agent, for certain, between two moments. */
export interface LeaseLine {
  readonly k: "lease";
  readonly goal: string;
  readonly agent: string;
  readonly since: number;
  readonly until: number;
}

/** Where a server said, asked at `asked`, that the log ends. */
export interface HeadLine {
  readonly k: "head";
  readonly tenant: string;
  readonly p: number;
  readonly hash: string;
  readonly asked: number;
  readonly t: number;
}

/** A subscription begins, or goes on, after a position. */
export interface OpenLine {
  readonly k: "open";
  readonly sub: string;
  readonly tenant: string;
  readonly way: number;
  readonly after: number;
  /** The subscription that gave the cursor; absent at the start of the log. */
  readonly of?: string | undefined;
  /** Of entities, as numbers of `EntityKind`; empty for all. */
  readonly kinds: readonly number[];
  readonly t: number;
}

/** A subscription ended, or was not begun, because the log has another history than its reader was told. */
export interface DivergedLine {
  readonly k: "diverged";
  readonly sub: string;
  readonly t: number;
}

/** What a subscription was sent at once: `n` events, up to the last at `last`, everything up to `end`. */
export interface PageLine {
  readonly k: "page";
  readonly sub: string;
  readonly n: number;
  readonly last: number;
  readonly end: number;
  readonly live: boolean;
  /** Of positions and ids of the events, see page-digest.ts. */
  readonly d: string;
  readonly t: number;
}
