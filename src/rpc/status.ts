import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { type FieldViolation, HoldfastError } from "../core/errors.js";
import { clipEncoded, clipUtf8 } from "./clip.js";
import { statusCodeOf } from "./status-code.js";

/** The `domain` of every ErrorInfo. */
export const ERROR_DOMAIN = "holdfast";

// A status travels in HTTP/2 trailers, where many peers refuse more than 8 KiB in all: the message once
// percent-encoded and once in the details, the details in base64. These sum to less than 7 KiB.
const MAX_MESSAGE_BYTES = 1024;
const MAX_METADATA_BYTES = 1024;
const MAX_METADATA_VALUE_BYTES = 256;
const MAX_VIOLATIONS_BYTES = 1536;
const MAX_FIELD_BYTES = 200;
const MAX_DESCRIPTION_BYTES = 300;
/** Tags and lengths of one violation or map entry on the wire. */
const FRAMING_BYTES = 8;

/**
 * What was thrown, as the google.rpc.Status a caller is sent: ErrorInfo always, BadRequest when fields are
 * at fault, RetryInfo when waiting may help, RequestInfo when the defect is ours.
 *
 * Anything but a HoldfastError is INTERNAL, and INTERNAL says no more than that and the request id. Long
 * texts are cut and surplus violations left out, counted in the metadata `violations_omitted`.
 */
export function statusFromError(thrown: unknown, requestId?: string): Status {
  const error = HoldfastError.from(thrown);
  if (error.reason === ErrorReason.INTERNAL || error.reason === ErrorReason.UNSPECIFIED) {
    return internalStatus(requestId);
  }
  const { kept, omitted } = fitViolations(error.violations);
  const metadata = fitMetadata(error.metadata);
  if (omitted > 0) metadata.violations_omitted = String(omitted);
  const details = [errorInfo(error.reason, metadata)];
  if (kept.length > 0) details.push(pack(BadRequestSchema, { fieldViolations: kept }));
  if (error.retryAfterMs !== undefined) {
    details.push(pack(RetryInfoSchema, { retryDelay: durationFromMs(error.retryAfterMs) }));
  }
  const message = clipEncoded(error.message, MAX_MESSAGE_BYTES);
  return create(StatusSchema, { code: statusCodeOf(error), message, details });
}

function internalStatus(requestId: string | undefined): Status {
  const details = [errorInfo(ErrorReason.INTERNAL, {})];
  if (requestId !== undefined) details.push(pack(RequestInfoSchema, { requestId }));
  const code = statusCodeOf(new HoldfastError(ErrorReason.INTERNAL, ""));
  const message = requestId === undefined ? "internal error" : `internal error, request ${requestId}`;
  return create(StatusSchema, { code, message, details });
}

function errorInfo(reason: ErrorReason, metadata: Record<string, string>) {
  return pack(ErrorInfoSchema, { reason: ErrorReason[reason], domain: ERROR_DOMAIN, metadata });
}

function pack<D extends DescMessage>(schema: D, init: MessageInitShape<D>) {
  return anyPack(schema, create(schema, init));
}

function fitMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const fitting: Record<string, string> = {};
  let size = 0;
  for (const [key, value] of Object.entries(metadata)) {
    const clipped = clipUtf8(value, MAX_METADATA_VALUE_BYTES);
    size += Buffer.byteLength(key) + Buffer.byteLength(clipped) + FRAMING_BYTES;
    if (size > MAX_METADATA_BYTES) break;
    fitting[key] = clipped;
  }
  return fitting;
}

function fitViolations(violations: readonly FieldViolation[]) {
  const kept: FieldViolation[] = [];
  let size = 0;
  for (const violation of violations) {
    const field = clipUtf8(violation.field, MAX_FIELD_BYTES);
    const description = clipUtf8(violation.description, MAX_DESCRIPTION_BYTES);
    size += Buffer.byteLength(field) + Buffer.byteLength(description) + FRAMING_BYTES;
    if (size > MAX_VIOLATIONS_BYTES) break;
    kept.push({ field, description });
  }
  return { kept, omitted: violations.length - kept.length };
}
