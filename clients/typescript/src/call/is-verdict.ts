import type { HoldfastError } from "../holdfast-error.js";

/** Codes that tell of a server, a proxy or the network, not of what was sent. */
const NO_VERDICT: ReadonlySet<string> = new Set([
  "CANCELLED",
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNAVAILABLE",
  "INTERNAL",
  "DATA_LOSS",
]);

/**
 * Whether an error decides about what was sent, so that sending it again would give the same. Else the outcome is not
 * known, and what was sent must be sent again: ids make that exact.
 */
export function isVerdict({ code, retryable }: HoldfastError): boolean {
  return !retryable && !NO_VERDICT.has(code);
}
