import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Metadata } from "@grpc/grpc-js";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../../../gen/google/rpc/status_pb.js";

/** The google.rpc.Status in a call's trailers. */
export function statusDetails({ metadata }: { readonly metadata: Metadata }): Status {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) throw new Error("expected grpc-status-details-bin in the trailers");
  return fromBinary(StatusSchema, bytes);
}

/** The detail of this type, if the status has one. */
export function findDetail<D extends DescMessage>(status: Status, schema: D): MessageShape<D> | undefined {
  for (const detail of status.details) {
    const message = anyUnpack(detail, schema);
    if (message) return message;
  }
  return undefined;
}

/** Name of the ErrorReason a call failed with. */
export function reasonOf(failed: { readonly metadata: Metadata }): string | undefined {
  return findDetail(statusDetails(failed), ErrorInfoSchema)?.reason;
}
