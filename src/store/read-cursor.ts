import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { type CommitMark, findCommit, isSameMark } from "./commit-mark.js";
import type { Run } from "./database.js";
import type { LogCursor } from "./log-cursor.js";
import { logDiverged } from "./log-diverged.js";
import { type LogHead, readLogHead, requirePosition } from "./log-head.js";
import type { LogHeadToCheck } from "./log-head-to-check.js";

/** What a cursor stands for in the log as it is. */
export interface ReadCursor extends LogHeadToCheck {
  /** The commit that the cursor names, or else the one that contains its position; undefined past the end. */
  readonly commit: CommitMark | undefined;
}

/**
 * Reads where a log ends, and the commit that a cursor names; the check is that the cursor is of this log and of its
 * history. It throws FOREIGN_CURSOR, LOG_DIVERGED, POSITION_IN_FUTURE.
 */
export async function readCursor(run: Run, tenantId: string, cursor: LogCursor): Promise<ReadCursor> {
  const [head, commit] = await Promise.all([
    readLogHead(run, tenantId),
    findCommit(run, tenantId, cursor.commit?.position ?? cursor.position),
  ]);
  return {
    head,
    commit,
    check() {
      requireLog(head, cursor);
      // What a server told of was committed: a log that ends before it has lost it.
      if (cursor.commit && !isSameMark(commit, cursor.commit)) throw logDiverged(head, cursor.position);
      requirePosition(head, cursor.position);
      return head;
    },
  };
}

function requireLog(head: LogHead, { logId }: LogCursor): void {
  if (logId === "" || logId === head.logId) return;
  throw new HoldfastError(
    ErrorReason.FOREIGN_CURSOR,
    `expected a position of log ${head.logId || "(empty)"}, got one of log ${logId}`,
    { metadata: { log_id: logId, current_log_id: head.logId } },
  );
}
