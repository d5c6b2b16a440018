import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { Run } from "./database.js";
import { SYNC_TIMELINE } from "./timeline.js";

/** Where a tenant's log ends. */
export interface LogHead {
  /** Empty while nothing was ever written. */
  readonly logId: string;
  readonly position: bigint;
  readonly hash: Uint8Array;
  readonly commitMicros: bigint | undefined;
  /** Of the primary that was read, while its COMMITs wait for a synchronous standby; empty when none does. */
  readonly syncTimeline: string;
}

type HeadAnswer = [logId: string, position: bigint, hash: Buffer, commitMicros: bigint, syncTimeline: string];

/** Reads where the tenant's log ends, within the caller's snapshot. */
export async function readLogHead(run: Run, tenantId: string): Promise<LogHead> {
  const [row] = await run<HeadAnswer>({
    name: "log head",
    text: `SELECT log_id, position, hash, commit_time, ${SYNC_TIMELINE} FROM holdfast.tenant_logs WHERE tenant_id = $1::uuid`,
    values: [tenantId],
  });
  if (!row) {
    return { logId: "", position: 0n, hash: new Uint8Array(), commitMicros: undefined, syncTimeline: "" };
  }
  const [logId, position, hash, commitMicros, syncTimeline] = row;
  return { logId, position, hash, commitMicros, syncTimeline };
}

/**
 * What a read with `min_position` promises: the snapshot holds everything up to it.
 *
 * @throws POSITION_IN_FUTURE if it does not.
 */
export function requirePosition(head: LogHead, minPosition: bigint): void {
  if (minPosition <= head.position) return;
  throw new HoldfastError(
    ErrorReason.POSITION_IN_FUTURE,
    `expected a position up to ${head.position}, the last of the log, got ${minPosition}`,
    { metadata: { position: String(minPosition), last_position: String(head.position) } },
  );
}
