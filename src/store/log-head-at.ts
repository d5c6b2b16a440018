import type { Run } from "./database.js";
import { type LogHead, readLogHead, requirePosition } from "./log-head.js";

type CommitAnswer = [position: bigint, hash: Buffer, commitMicros: bigint];

/**
 * Where the tenant's log ended with the commit that contains a position, within the caller's snapshot.
 *
 * @throws POSITION_IN_FUTURE
 */
export async function readLogHeadAt(run: Run, tenantId: string, atPosition: bigint): Promise<LogHead> {
  const [head, [commit]] = await Promise.all([
    readLogHead(run, tenantId),
    run<CommitAnswer>({
      name: "commit at",
      text: `
SELECT position, hash, commit_time FROM holdfast.commits
WHERE tenant_id = $1::uuid AND position >= $2 ORDER BY position LIMIT 1`,
      values: [tenantId, atPosition],
    }),
  ]);
  requirePosition(head, atPosition);
  if (!commit) return head;
  const [position, hash, commitMicros] = commit;
  return { ...head, position, hash, commitMicros };
}
