import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { LocalCommitError } from "./local-commit-error.js";
import { NoPrimaryError } from "./no-primary-error.js";

/** When a caller should come back after the database did not answer, in milliseconds. */
const RETRY_AFTER_MS = 500;

export const UNIQUE_VIOLATION = "23505";
/** A statement that writes met a server that is a standby, or was told to be read-only. */
export const READ_ONLY = "25006";
/** A prepared statement is not there, or is there already: a pooler gave the connection another session. */
export const PREPARED_ELSEWHERE: ReadonlySet<string> = new Set(["26000", "42P05"]);

/** What Postgres said, as pg reports it. */
export interface DatabaseErrorFields {
  readonly code: string;
  readonly detail?: string;
  readonly constraint?: string;
}

/** The SQLSTATE and what came with it, or undefined when the error is not Postgres'. */
export function databaseError(error: unknown): DatabaseErrorFields | undefined {
  const cause = error instanceof HoldfastError ? error.cause : error;
  if (!(cause instanceof Error)) return undefined;
  const fields = cause as Error & Partial<DatabaseErrorFields> & { severity?: string };
  return typeof fields.code === "string" && fields.severity !== undefined
    ? (fields as DatabaseErrorFields)
    : undefined;
}

// The database cannot take the statement now, and may later: connection lost or
// refused, too many connections, stopping or starting, read-only, disk full,
// out of memory, out of time, chosen to end a deadlock. Or it did not find a
// prepared statement; from then on statements are sent without a name.
const UNAVAILABLE = /^(08|53|57|58|25006|25P03|25P04|26000|40001|40P01|42P05|55P03)/;

/**
 * The first of the two places where an error changes kind: what the driver
 * threw becomes a HoldfastError, with the driver's as its cause.
 */
export function errorFromDatabase(error: unknown): unknown {
  if (error instanceof HoldfastError) return error;
  const fields = databaseError(error);
  if (
    fields ? UNAVAILABLE.test(fields.code) : isConnectionError(error) || error instanceof LocalCommitError
  ) {
    return databaseUnavailable(error);
  }
  return fields ? new HoldfastError(ErrorReason.INTERNAL, "internal error", { cause: error }) : error;
}

/** UNAVAILABLE with the time to come back after. */
export function databaseUnavailable(cause?: unknown): HoldfastError {
  const message = "the database did not answer; retry with the same id";
  return new HoldfastError(ErrorReason.DATABASE_UNAVAILABLE, message, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

// pg reports a lost or refused connection as a plain Error, with the system's
// code or with one of these texts.
const CONNECTION_TEXT =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout e|Query read timeout|timeout expired)/;

function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof NoPrimaryError) return true;
  if (error instanceof AggregateError) return error.errors.every(isConnectionError);
  const code = (error as NodeJS.ErrnoException).code;
  const isSystem = (error as NodeJS.ErrnoException).syscall !== undefined || code === "EPIPE";
  return isSystem || CONNECTION_TEXT.test(error.message);
}
