import { timerMs } from "./duration.js";

/** How long to wait before trying again. */
export interface RetryPolicy {
  /** The longest first wait, in milliseconds. */
  readonly initialDelayMs: number;
  /** The longest wait, in milliseconds. */
  readonly maxDelayMs: number;
}

/**
 * The first wait is short because most interruptions are a restart or a moved connection; the longest bounds
 * how late a client notices that its server is back.
 */
export const DEFAULT_RETRY: RetryPolicy = { initialDelayMs: 100, maxDelayMs: 5_000 };

/** Servers ask for seconds. One that asks for more than this is mistaken, and must not silence its clients for good. */
const LONGEST_ASKED_MS = 5 * 60_000;

/**
 * The wait before attempt `attempt` (1 is the first retry). Where the server said when, from that time on to as long
 * again, since it asks many for the same; else exponential with full jitter, so that clients cut off together do not
 * return together.
 *
 * A server that asks for more than {@link LONGEST_ASKED_MS} is asked again after at most twice that.
 */
export function retryDelayMs(policy: RetryPolicy, attempt: number, retryAfterMs = 0): number {
  if (retryAfterMs > 0) return Math.min(retryAfterMs, LONGEST_ASKED_MS) * (1 + Math.random());
  const ceiling = Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** Math.min(attempt - 1, 30));
  return Math.random() * timerMs(ceiling);
}
