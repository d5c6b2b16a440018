import type { Cursor } from "../follow/cursor.js";

/** What every call takes. */
export interface CallOptions {
  /** Ends the call with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /**
   * For the call with all its retries, in milliseconds; 0, Infinity or more than 24 days for none. The client's default
   * is for unary calls. Anything else (NaN, a negative number, a text) throws INVALID_ARGUMENT.
   */
  readonly deadlineMs?: number | undefined;
  /** Request metadata for this call alone. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** What a read takes. */
export interface ReadOptions extends CallOptions {
  /**
   * The answer reflects at least this position: give the one a write returned to read your own writes. With a cursor, a
   * log that is not the one it was told of is refused (LOG_DIVERGED).
   */
  readonly minPosition?: bigint | Cursor | undefined;
}

/** What a change takes. */
export interface RequestOptions extends CallOptions {
  /** The change's own id (UUID). Without one the client makes one, so that its own retries are exact. */
  readonly requestId?: string | undefined;
}

/** What a change of one thing takes that may be made to a certain revision only. */
export interface ChangeOptions extends RequestOptions {
  /** Change only this revision, else ABORTED with REVISION_MISMATCH. */
  readonly expectedRevision?: bigint | undefined;
}
