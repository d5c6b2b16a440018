import type { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
// Its type alone: the module would load that of messages, a tenth of a second in each process.
import type { FieldViolation, HoldfastError } from "../core/errors.js";

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
  if (!isHoldfastError(thrown)) return { message, stack, code: (thrown as NodeJS.ErrnoException).code };
  const { reason, violations, metadata, retryAfterMs } = thrown;
  return { message, stack, refusal: { reason, violations, metadata, retryAfterMs } };
}

function isHoldfastError(error: Error): error is HoldfastError {
  return error.name === "HoldfastError";
}
