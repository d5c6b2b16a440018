import { randomUUID } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";

/** Metadata key of the id that ties a call to its log lines, in requests and answers. */
export const REQUEST_ID_KEY = "x-request-id";

// Goes into logs and headers as it is: no spaces, quotes or control characters, and short.
const SANE = /^[\w.:/+=-]{1,128}$/;

/** The caller's own id for the call if it is fit to be logged, else a new UUID. */
export function requestIdFrom(metadata: Metadata): string {
  return fitRequestId(metadata.get(REQUEST_ID_KEY)[0]);
}

/** That, of what came under the key. */
export function fitRequestId(given: unknown): string {
  return typeof given === "string" && SANE.test(given) ? given : randomUUID();
}
