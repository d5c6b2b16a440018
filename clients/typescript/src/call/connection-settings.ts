import type { ConnectOptions } from "../connect-options.js";
import { countOf, durationMs } from "./duration.js";
import { DEFAULT_RETRY, type RetryPolicy } from "./retry-policy.js";

// Long enough for a restart of the server, short enough for somebody who waits.
const DEADLINE_MS = 10_000;
// Below what most proxies cut.
const KEEPALIVE_MS = 30_000;
// A full page of large events.
const MAX_RECEIVE_BYTES = 64 * 1024 * 1024;

/** The numbers of {@link ConnectOptions} in force. */
export interface ConnectionSettings {
  /** 0 and Infinity are no deadline. */
  readonly deadlineMs: number;
  /** 0 and Infinity are no probes. */
  readonly keepaliveMs: number;
  readonly retry: RetryPolicy;
  readonly maxReceiveBytes: number;
}

/** What is given over the defaults. Throws INVALID_ARGUMENT for a number that makes no sense. */
export function connectionSettings(options: ConnectOptions): ConnectionSettings {
  const { deadlineMs = DEADLINE_MS, keepaliveMs = KEEPALIVE_MS } = options;
  const { maxReceiveBytes = MAX_RECEIVE_BYTES, retry = {} } = options;
  const { initialDelayMs = DEFAULT_RETRY.initialDelayMs, maxDelayMs = DEFAULT_RETRY.maxDelayMs } = retry;
  return {
    deadlineMs: durationMs("deadlineMs", deadlineMs, 0),
    keepaliveMs: durationMs("keepaliveMs", keepaliveMs, 0),
    retry: {
      // Not 0: attempts would follow each other without any pause.
      initialDelayMs: durationMs("retry.initialDelayMs", initialDelayMs, 1),
      maxDelayMs: durationMs("retry.maxDelayMs", maxDelayMs, 1),
    },
    maxReceiveBytes: countOf("maxReceiveBytes", maxReceiveBytes),
  };
}
