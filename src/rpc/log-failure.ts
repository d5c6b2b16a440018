import { status } from "@grpc/grpc-js";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import type { HoldfastError } from "../core/errors.js";

export interface FailedCall {
  readonly error: HoldfastError;
  readonly code: status;
  readonly durationMs: number;
}

// An error wrapped deeper than this is told well enough by its wrappers.
const MAX_CAUSES = 4;

/**
 * One line for a call that failed: an error with its cause for INTERNAL, a warning for a database that did not
 * answer, else debug, since being refused is a caller's everyday life.
 *
 * @param logger bound to the call: method, request id, tenant, actor
 */
export function logFailure(logger: Logger, { error, code, durationMs }: FailedCall): void {
  const level = levelOf(error.reason);
  if (!logger.isLevelEnabled(level)) return;
  const fields = {
    code: status[code],
    reason: ErrorReason[error.reason],
    durationMs: Math.round(durationMs * 1000) / 1000,
  };
  if (level === "debug") logger.debug(fields, "call failed");
  else logger[level]({ ...fields, cause: describe(error.cause ?? error, MAX_CAUSES) }, "call failed");
}

function levelOf(reason: ErrorReason) {
  if (reason === ErrorReason.INTERNAL || reason === ErrorReason.UNSPECIFIED) return "error";
  return reason === ErrorReason.DATABASE_UNAVAILABLE ? "warn" : "debug";
}

// Picked by name: a Postgres error also carries `detail` and `where`, which quote the row.
function describe(thrown: unknown, depth: number): unknown {
  if (!(thrown instanceof Error)) return { type: typeof thrown };
  const { name, message, stack, cause } = thrown;
  const code = "code" in thrown ? thrown.code : undefined;
  const inner = cause !== undefined && depth > 1 ? describe(cause, depth - 1) : undefined;
  return { type: name, message, code, stack, cause: inner };
}
