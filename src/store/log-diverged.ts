import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

/** What is known of a log that has another history than someone was told. */
export interface DivergedLog {
  readonly logId: string;
  /** Its last position; undefined when it could not be read. */
  readonly position: bigint | undefined;
  /** The last position up to which both histories are the same; undefined when it is not known. */
  readonly commonPosition?: bigint | undefined;
}

/** The error for someone who was told what was in the log up to a position. */
export function logDiverged(log: DivergedLog, position: bigint): HoldfastError {
  const { logId, position: last, commonPosition: common } = log;
  const upTo = common === undefined ? "" : `; both are the same up to position ${common}`;
  return new HoldfastError(
    ErrorReason.LOG_DIVERGED,
    `expected the log as it was told up to position ${position}, got one with another history${upTo}`,
    {
      metadata: {
        log_id: logId,
        position: String(position),
        ...(last !== undefined && { last_position: String(last) }),
        ...(common !== undefined && { common_position: String(common) }),
      },
    },
  );
}
