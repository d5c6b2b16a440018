import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

/** Somebody has to make room first. */
const RETRY_MS = 60_000;
const FULL = /^(ENOSPC|EDQUOT)$/;

/** What was thrown, as OVERLOADED if it is that a disk of this server is full. */
export function fromDisk(thrown: unknown): unknown {
  if (thrown instanceof HoldfastError || !(thrown instanceof Error)) return thrown;
  const codes = [thrown, thrown.cause].map(
    (error) => (error as NodeJS.ErrnoException | undefined)?.code ?? "",
  );
  if (!codes.some((code) => FULL.test(code))) return thrown;
  const message = "no space is left on the disk of this server where exports and imports lie";
  return new HoldfastError(ErrorReason.OVERLOADED, message, { retryAfterMs: RETRY_MS, cause: thrown });
}
