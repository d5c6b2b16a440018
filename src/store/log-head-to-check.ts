import type { LogHead } from "./log-head.js";

/**
 * The end of a log and what is needed to check it, read in the caller's snapshot. Reading never fails for what a request
 * asks for: what else is read on the connection at the same time comes to its end first.
 */
export interface LogHeadToCheck {
  readonly head: LogHead;
  /** @throws what a request is refused with when the log is not as it asks */
  check(): LogHead;
}
