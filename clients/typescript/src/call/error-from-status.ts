import { fromBinary } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { status as grpcStatus, type StatusObject } from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../../../gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../../../../gen/google/rpc/status_pb.js";
import { ErrorReason } from "../../../../gen/holdfast/v1/error_pb.js";
import { HoldfastError, type HoldfastErrorDetails, type Reason, type StatusName } from "../holdfast-error.js";

const DETAILS_KEY = "grpc-status-details-bin";
const DOMAIN = "holdfast";

/** The error a google.rpc.Status says: of one entry, or of one batch. */
export function errorFromStatus(status: Status): HoldfastError {
  return errorFrom(status.code, status.message, status.details);
}

/** The error with which a gRPC call ended, with the google.rpc.Status of its trailers where there is one. */
export function errorFromCall(status: Pick<StatusObject, "code" | "details" | "metadata">): HoldfastError {
  const [encoded] = status.metadata?.get(DETAILS_KEY) ?? [];
  return errorFrom(status.code, status.details, encoded instanceof Buffer ? readDetails(encoded) : []);
}

function readDetails(encoded: Buffer): readonly Any[] {
  try {
    return fromBinary(StatusSchema, encoded).details;
  } catch {
    // Details are extra: a proxy that damages them must not hide the status itself.
    return [];
  }
}

function errorFrom(code: number, message: string, details: readonly Any[]): HoldfastError {
  const name = (grpcStatus[code] ?? "UNKNOWN") as StatusName;
  let found: Omit<HoldfastErrorDetails, "code"> = {};
  for (const detail of details) found = { ...found, ...readDetailOrNothing(detail) };
  const transportCut = found.reason === undefined && isTransportCut(name, message);
  return new HoldfastError(message, { code: name, ...found, ...(transportCut ? { retryable: true } : {}) });
}

function readDetailOrNothing(detail: Any): Omit<HoldfastErrorDetails, "code"> {
  try {
    return readDetail(detail);
  } catch {
    // Thrown here it would end the process: grpc-js calls this from its own event handlers.
    return {};
  }
}

function readDetail(detail: Any): Omit<HoldfastErrorDetails, "code"> {
  const info = anyUnpack(detail, ErrorInfoSchema);
  if (info) {
    if (info.domain !== DOMAIN) return {};
    const reason: Reason = Object.hasOwn(ErrorReason, info.reason) ? (info.reason as Reason) : "UNSPECIFIED";
    return { reason, metadata: info.metadata };
  }
  const badRequest = anyUnpack(detail, BadRequestSchema);
  if (badRequest) {
    return {
      violations: badRequest.fieldViolations.map(({ field, description }) => ({ field, description })),
    };
  }
  const retry = anyUnpack(detail, RetryInfoSchema);
  if (retry) {
    const { seconds = 0n, nanos = 0 } = retry.retryDelay ?? {};
    return { retryAfterMs: Number(seconds) * 1000 + nanos / 1e6 };
  }
  const request = anyUnpack(detail, RequestInfoSchema);
  return request ? { requestId: request.requestId } : {};
}

/** A connection cut in the middle of a call shows as one of these, made by the transport, not by the server. */
function isTransportCut(code: StatusName, message: string): boolean {
  return (
    (code === "INTERNAL" && message.startsWith("Received RST_STREAM")) ||
    (code === "CANCELLED" && message === "Call cancelled")
  );
}
