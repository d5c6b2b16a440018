import { binaryArray } from "./binary-array.js";
import type { CommitMark } from "./commit-mark.js";
import type { Run } from "./database.js";

/** The last position up to which a log is the one that these commits are of, as far as they tell; undefined if none is in it. */
export async function lastCommonPosition(
  run: Run,
  tenantId: string,
  commits: readonly CommitMark[],
): Promise<bigint | undefined> {
  const [row] = await run<[bigint | null]>({
    text: `
SELECT max(c.position) FROM unnest($2::bigint[], $3::bytea[]) AS known (position, hash)
JOIN holdfast.commits c ON c.tenant_id = $1::uuid AND c.position = known.position AND c.hash = known.hash`,
    values: [
      tenantId,
      binaryArray(
        "bigint",
        commits.map(({ position }) => position),
      ),
      binaryArray(
        "bytea",
        commits.map(({ hash }) => Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength)),
      ),
    ],
  });
  if (row?.[0] != null) return row[0];
  // A log always is the same before its first commit.
  return commits.some(({ position }) => position === 0n) ? 0n : undefined;
}
