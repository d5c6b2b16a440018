import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";

/** One thing wrong with one field of a request. */
export interface FieldViolation {
  /** Path from the request, for example `entries[3].observation.session_id`. */
  readonly field: string;
  /** "expected …, got …". */
  readonly description: string;
}

export interface HoldfastErrorDetails {
  readonly violations?: readonly FieldViolation[];
  /** Facts about the refusal that a program can act on; the keys are named in error.proto. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When a retry may help, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** For the log alone; never sent to a caller. */
  readonly cause?: unknown;
}

/**
 * The one error that crosses layers. Its message is written for the caller.
 * rpc/ turns it into a gRPC status; the code follows from the reason.
 */
export class HoldfastError extends Error {
  override readonly name = "HoldfastError";
  readonly reason: ErrorReason;
  readonly violations: readonly FieldViolation[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(reason: ErrorReason, message: string, details: HoldfastErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.violations = details.violations ?? [];
    this.metadata = details.metadata ?? {};
    this.retryAfterMs = details.retryAfterMs;
  }

  /** What was thrown, as a HoldfastError: itself if it is one, else INTERNAL with it as the cause. */
  static from(thrown: unknown): HoldfastError {
    if (thrown instanceof HoldfastError) return thrown;
    return new HoldfastError(ErrorReason.INTERNAL, "internal error", { cause: thrown });
  }
}

/** INVALID_FIELD naming every violated field; the message repeats the first. */
export function invalidFields(violations: readonly FieldViolation[]): HoldfastError {
  const first = violations[0];
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  const message = first ? `${first.field}: ${first.description}${more}` : "invalid request";
  return new HoldfastError(ErrorReason.INVALID_FIELD, message, { violations });
}

/** Throws INVALID_FIELD if anything is wrong. */
export function refuseViolations(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw invalidFields(violations);
}

/** NOT_FOUND for a record that does not exist for this tenant. */
export function notFound(entity: string, id: string): HoldfastError {
  return new HoldfastError(ErrorReason.NOT_FOUND, `no ${entity} ${id}`, { metadata: { entity, id } });
}

/**
 * LIMIT_EXCEEDED for a field that holds more than `limit`, which the caller can read from the metadata.
 *
 * @param isLeast whether counting stopped at `actual`, so that there may be more
 */
export function limitExceeded(
  field: string,
  unit: string,
  limit: number,
  actual: number,
  isLeast = false,
): HoldfastError {
  const description = `expected at most ${limit} ${unit}, got ${actual}${isLeast ? " or more" : ""}`;
  return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, `${field}: ${description}`, {
    violations: [{ field, description }],
    metadata: { limit: String(limit), actual: String(actual) },
  });
}

/** What a log says of a thrown thing: its message alone. Drivers hang whole connections and quoted rows on theirs. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
