import type { OutgoingHttpHeaders } from "node:http2";
import type { HoldfastError } from "../core/errors.js";
import { REQUEST_ID_KEY } from "./request-id.js";
import { trailersFromError } from "./trailers.js";

/** The headers of an answer that is nothing but a status. */
export type TrailersOnly = Readonly<OutgoingHttpHeaders>;

/** An error as gRPC sends it when nothing was sent before, for any request: the id of one is to be added. */
export function trailersOnly(error: HoldfastError): TrailersOnly {
  const { code, details, metadata } = trailersFromError(error, "");
  metadata.remove(REQUEST_ID_KEY);
  return Object.freeze({
    ":status": 200,
    "content-type": "application/grpc+proto",
    "grpc-status": String(code),
    "grpc-message": encodeURI(details),
    ...metadata.toHttp2Headers(),
  });
}
