import { HoldfastError } from "../core/errors.js";
import type { PackedError } from "./pack-error.js";

/** A HoldfastError if one was packed, else an Error with the same message, stack and code. */
export function unpackError({ message, stack, code, refusal }: PackedError): Error {
  if (refusal) {
    const { reason, violations, metadata, retryAfterMs } = refusal;
    return new HoldfastError(reason, message, {
      violations,
      metadata,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
  return Object.assign(new Error(message), { ...(stack && { stack }), ...(code && { code }) });
}
