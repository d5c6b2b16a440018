import type { Run } from "./database.js";

/** The end of one commit of a log: its last position, and the hash of everything up to there. */
export interface CommitMark {
  readonly position: bigint;
  readonly hash: Uint8Array;
}

/** Before the first commit of a log. */
export const LOG_START: CommitMark = Object.freeze({ position: 0n, hash: new Uint8Array() });

/** Whether both end the same commit: then everything up to there is the same. */
export function isSameMark(one: CommitMark | undefined, other: CommitMark | undefined): boolean {
  if (!one || !other || one.position !== other.position) return false;
  return Buffer.compare(one.hash, other.hash) === 0;
}

/**
 * The commits of a tenant from the one that contains a position on, within the caller's snapshot.
 *
 * @param limit how many at most; a constant of the caller, since each is a statement of its own
 */
export function readCommits(
  run: Run,
  tenantId: string,
  position: bigint,
  limit: number,
): Promise<readonly CommitMark[]> {
  // The limit is part of the text: the planner then knows that the first rows of the index are enough.
  return run<[bigint, Buffer]>({
    name: `commits from, ${limit}`,
    text: `
SELECT position, hash FROM holdfast.commits
WHERE tenant_id = $1::uuid AND position >= $2 ORDER BY position LIMIT ${limit}`,
    values: [tenantId, position],
  }).then((rows) => rows.map(([position, hash]) => ({ position, hash })));
}

/** The commit that contains a position; the start of the log for position 0; undefined if the log ends before it. */
export async function findCommit(
  run: Run,
  tenantId: string,
  position: bigint,
): Promise<CommitMark | undefined> {
  if (position === 0n) return LOG_START;
  const [commit] = await readCommits(run, tenantId, position, 1);
  return commit;
}
