import { toBinary } from "@bufbuild/protobuf";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { REQUEST_ID_KEY } from "./request-id.js";
import { statusFromError } from "./status.js";

/** What was thrown, as the status that ends a call, its google.rpc.Status in `grpc-status-details-bin`. */
export function trailersFromError(thrown: unknown, requestId: string): StatusObject {
  const status = statusFromError(thrown, requestId);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  metadata.set(REQUEST_ID_KEY, requestId);
  return { code: status.code, details: status.message, metadata };
}
