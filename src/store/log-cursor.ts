import type { CommitMark } from "./commit-mark.js";

/** Bytes of a hash of a log: SHA-256. */
export const LOG_HASH_BYTES = 32;

/** A place in a log, and what is known of its history. */
export interface LogCursor {
  /** Empty when it is not known, and while nothing was ever written. */
  readonly logId: string;
  readonly position: bigint;
  /** A commit that ends at the position or after it; undefined when it is not known, and at the start. */
  readonly commit: CommitMark | undefined;
}
