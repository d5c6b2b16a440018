import type { status as grpcStatus } from "@grpc/grpc-js";
import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import { EncodeError } from "./wire/encode-error.js";

/** The name of a gRPC status code: "NOT_FOUND". */
export type StatusName = keyof typeof grpcStatus;

/** Why a call or a record failed: a reason of the server (error.proto), or one of the client's own. */
export type Reason = keyof typeof ErrorReason | ClientReason;

/** Reasons that arise in the client and never travel. */
export type ClientReason =
  /** RESOURCE_EXHAUSTED: the recorder holds as many unacknowledged records as its settings allow. */
  | "BUFFER_FULL"
  /** FAILED_PRECONDITION: the recorder or the client was closed before this. */
  | "CLOSED"
  /** CANCELLED: the recorder was closed with `abandon`, or its signal fired; the outcome is unknown. */
  | "ABANDONED"
  /** RESOURCE_EXHAUSTED: the service is away and the journal holds as much as its settings allow. */
  | "JOURNAL_FULL"
  /** UNAVAILABLE: the service is away and the journal cannot be written; the cause says why. */
  | "JOURNAL_FAILED";

/** One thing wrong with one field of a request. */
export interface FieldViolation {
  /** Path in proto names, for example `entries[3].observation.session_id`. */
  readonly field: string;
  /** "expected …, got …". */
  readonly description: string;
}

/** What {@link HoldfastError} is made of. */
export interface HoldfastErrorDetails {
  readonly code: StatusName;
  readonly reason?: Reason;
  readonly violations?: readonly FieldViolation[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number | undefined;
  readonly requestId?: string | undefined;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** The one error this client throws and rejects with. */
export class HoldfastError extends Error {
  override readonly name = "HoldfastError";
  readonly code: StatusName;
  /** UNSPECIFIED when the server gave none that this client knows. */
  readonly reason: Reason;
  /** Every field that is wrong; empty unless the reason is INVALID_FIELD. */
  readonly violations: readonly FieldViolation[];
  /** Facts to act on; error.proto names the keys of each reason. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How long the server asks to wait before a retry. */
  readonly retryAfterMs: number | undefined;
  /** What to quote to whoever runs the server. */
  readonly requestId: string | undefined;
  /** Whether the same thing may succeed later. The client has already retried what it may. */
  readonly retryable: boolean;

  constructor(message: string, details: HoldfastErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.reason = details.reason ?? (details.code in ErrorReason ? (details.code as Reason) : "UNSPECIFIED");
    this.violations = details.violations ?? [];
    this.metadata = details.metadata ?? {};
    this.retryAfterMs = details.retryAfterMs;
    this.requestId = details.requestId;
    this.retryable =
      details.retryable ??
      (this.code === "UNAVAILABLE" || (this.reason === "OVERLOADED" && this.retryAfterMs !== undefined));
  }

  /** What was thrown, as a HoldfastError: itself if it is one, else its nearest equal with it as the cause. */
  static from(thrown: unknown): HoldfastError {
    if (thrown instanceof HoldfastError) return thrown;
    if (thrown instanceof EncodeError) {
      const { field, description } = thrown;
      return new HoldfastError(thrown.message, {
        code: "INVALID_ARGUMENT",
        reason: "INVALID_FIELD",
        violations: [{ field, description }],
      });
    }
    const name = thrown instanceof Error ? thrown.name : "";
    if (name === "AbortError" || name === "TimeoutError") {
      return new HoldfastError("cancelled by the caller", { code: "CANCELLED", cause: thrown });
    }
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new HoldfastError(message, { code: "UNKNOWN", cause: thrown });
  }
}

/** The error of a wait whose AbortSignal fired. */
export function cancelled(signal: AbortSignal): HoldfastError {
  return new HoldfastError("cancelled by the caller", { code: "CANCELLED", cause: signal.reason });
}

/** The error of using what is closed. */
export function closed(what: string): HoldfastError {
  return new HoldfastError(`the ${what} is closed`, { code: "FAILED_PRECONDITION", reason: "CLOSED" });
}
