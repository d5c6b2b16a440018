import { type StatusObject, status } from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

type SentStatus = Pick<StatusObject, "code" | "details">;

/** A status that grpc-js made by itself, before or beside any handler, as one of ours. */
export function errorFromTransport(sent: SentStatus): HoldfastError {
  switch (sent.code) {
    case status.DEADLINE_EXCEEDED:
      return new HoldfastError(ErrorReason.DEADLINE_EXCEEDED, "the deadline passed");
    case status.RESOURCE_EXHAUSTED:
      return tooLarge(sent.details);
    case status.UNIMPLEMENTED:
      return new HoldfastError(ErrorReason.UNIMPLEMENTED, sent.details);
    default:
      return /decompress|grpc-timeout/.test(sent.details)
        ? new HoldfastError(ErrorReason.MALFORMED_MESSAGE, sent.details)
        : // What is left are writes to a stream that the client has closed.
          new HoldfastError(ErrorReason.CANCELLED, "the caller went away");
  }
}

/** "Received message larger than max (N vs M)" or "… decompresses to a size larger than M". */
function tooLarge(details: string): HoldfastError {
  const { actual, limit } =
    /\((?<actual>\d+) vs (?<limit>\d+)\)|larger than (?<bound>\d+)/.exec(details)?.groups ?? {};
  if (actual === undefined || limit === undefined) {
    return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, details);
  }
  const message = `expected a message of at most ${limit} bytes, got ${actual}`;
  return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, { metadata: { limit, actual } });
}
