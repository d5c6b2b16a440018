import type { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { type FieldViolation, HoldfastError } from "../core/errors.js";

/** An error as plain data: between processes only that arrives as it was. */
export interface PackedError {
  readonly message: string;
  readonly stack?: string | undefined;
  /** Of the system call that failed: "ENOSPC". */
  readonly code?: string | undefined;
  /** Of a HoldfastError. */
  readonly refusal?: {
    readonly reason: ErrorReason;
    readonly violations: readonly FieldViolation[];
    readonly metadata: Readonly<Record<string, string>>;
    readonly retryAfterMs?: number | undefined;
  };
}

export function packError(thrown: unknown): PackedError {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const { message, stack } = thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  if (!(thrown instanceof HoldfastError)) return { message, stack, code };
  const { reason, violations, metadata, retryAfterMs } = thrown;
  return { message, stack, refusal: { reason, violations, metadata, retryAfterMs } };
}

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
