import { toBinary } from "@bufbuild/protobuf";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { REQUEST_ID_KEY } from "./request-id.js";
import { statusFromError } from "./status.js";

/** What errors that are thrown again and again are sent as. */
export type EncodedStatuses = WeakMap<HoldfastError, Omit<StatusObject, "metadata"> & { bytes: Buffer }>;

/**
 * What was thrown, as the status that ends a call, its google.rpc.Status in `grpc-status-details-bin`.
 *
 * @param encoded what it was before, for an error that many calls end with; OVERLOADED is remembered there
 */
export function trailersFromError(
  thrown: unknown,
  requestId: string,
  encoded?: EncodedStatuses,
): StatusObject {
  const shared =
    encoded && thrown instanceof HoldfastError && thrown.reason === ErrorReason.OVERLOADED
      ? thrown
      : undefined;
  let sent = shared && encoded?.get(shared);
  if (!sent) {
    const status = statusFromError(thrown, requestId);
    sent = {
      code: status.code,
      details: status.message,
      bytes: Buffer.from(toBinary(StatusSchema, status)),
    };
    if (shared) encoded?.set(shared, sent);
  }
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", sent.bytes);
  metadata.set(REQUEST_ID_KEY, requestId);
  return { code: sent.code, details: sent.details, metadata };
}
