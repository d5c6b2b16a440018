import { findCommit } from "./commit-mark.js";
import type { Run } from "./database.js";
import type { LogCursor } from "./log-cursor.js";
import type { LogHead } from "./log-head.js";

/** The cursor of a position that the log has, within the caller's snapshot. */
export async function cursorAt(
  run: Run,
  tenantId: string,
  head: LogHead,
  position: bigint,
): Promise<LogCursor> {
  const { logId } = head;
  const commit = position === head.position ? head : await findCommit(run, tenantId, position);
  return { logId, position, commit };
}
