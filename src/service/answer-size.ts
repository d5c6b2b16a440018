import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

/**
 * Bytes of rows that are read for an answer of so many bytes: what rows take in a message is only known roughly. The
 * exact limit is that of whoever encodes the answer.
 */
export function bytesToRead(maxAnswerBytes: number): number {
  return 2 * maxAnswerBytes;
}

/** The error of an answer that has no pages and would be larger than `maxAnswerBytes`. */
export function answerTooLarge(
  maxReadBytes: number,
  maxAnswerBytes: number,
  advice = "ask for fewer at a time",
): HoldfastError {
  const message = `the records are more than ${maxReadBytes} bytes and an answer is at most ${maxAnswerBytes}; ${advice}`;
  return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, {
    metadata: { limit: String(maxAnswerBytes) },
  });
}
