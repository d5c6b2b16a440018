import { status } from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import type { HoldfastError } from "../core/errors.js";

/** The code of each reason, as error.proto states it. */
const CODE_BY_REASON = {
  [ErrorReason.UNSPECIFIED]: status.INTERNAL,
  [ErrorReason.INVALID_FIELD]: status.INVALID_ARGUMENT,
  [ErrorReason.MALFORMED_MESSAGE]: status.INVALID_ARGUMENT,
  [ErrorReason.INVALID_PAGE_TOKEN]: status.INVALID_ARGUMENT,
  [ErrorReason.OUT_OF_SEQUENCE]: status.INVALID_ARGUMENT,
  [ErrorReason.LIMIT_EXCEEDED]: status.RESOURCE_EXHAUSTED,
  [ErrorReason.NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.SESSION_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.SESSION_CLOSED]: status.FAILED_PRECONDITION,
  [ErrorReason.ILLEGAL_TRANSITION]: status.FAILED_PRECONDITION,
  [ErrorReason.ID_CONFLICT]: status.ALREADY_EXISTS,
  [ErrorReason.EXTERNAL_ID_TAKEN]: status.ALREADY_EXISTS,
  [ErrorReason.REVISION_MISMATCH]: status.ABORTED,
  [ErrorReason.POSITION_IN_FUTURE]: status.OUT_OF_RANGE,
  [ErrorReason.FOREIGN_CURSOR]: status.FAILED_PRECONDITION,
  [ErrorReason.UNAUTHENTICATED]: status.UNAUTHENTICATED,
  [ErrorReason.PERMISSION_DENIED]: status.PERMISSION_DENIED,
  [ErrorReason.SERVER_DRAINING]: status.UNAVAILABLE,
  [ErrorReason.DATABASE_UNAVAILABLE]: status.UNAVAILABLE,
  [ErrorReason.OVERLOADED]: status.RESOURCE_EXHAUSTED,
  [ErrorReason.DEADLINE_EXCEEDED]: status.DEADLINE_EXCEEDED,
  [ErrorReason.CANCELLED]: status.CANCELLED,
  [ErrorReason.UNIMPLEMENTED]: status.UNIMPLEMENTED,
  [ErrorReason.INTERNAL]: status.INTERNAL,
  [ErrorReason.LEASE_NOT_HELD]: status.FAILED_PRECONDITION,
  [ErrorReason.LOG_DIVERGED]: status.FAILED_PRECONDITION,
  [ErrorReason.FOLDER_UNUSABLE]: status.FAILED_PRECONDITION,
} satisfies Record<ErrorReason, status>;

/**
 * The gRPC code of an error. A limit that a field broke (the error names it as a violation: an entry too
 * large, a batch too long) is INVALID_ARGUMENT; one that names no field (a message, a queue) is RESOURCE_EXHAUSTED.
 */
export function statusCodeOf(error: HoldfastError): status {
  if (error.reason === ErrorReason.LIMIT_EXCEEDED && error.violations.length > 0) {
    return status.INVALID_ARGUMENT;
  }
  return CODE_BY_REASON[error.reason];
}
