/** What every call takes. */
export interface CallOptions {
  /** Ends the call with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** For the call with all its retries, in milliseconds; 0 for none. The client's default is for unary calls. */
  readonly deadlineMs?: number | undefined;
  /** Request metadata for this call alone. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** What a read takes. */
export interface ReadOptions extends CallOptions {
  /** The answer reflects at least this position: give the one a write returned to read your own writes. */
  readonly minPosition?: bigint | undefined;
}
