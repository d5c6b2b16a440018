import { binaryArray } from "./binary-array.js";
import { byKey } from "./by-key.js";
import type { Run } from "./database.js";

/**
 * How many forks deep a session may be. Each is a further range of every index
 * that a read of the session's whole past goes through.
 */
export const MAX_FORK_DEPTH = 64;

type AncestorAnswer = [id: string, upTo: bigint];

/**
 * The sessions that these share their past with, and up to which position: that
 * of the fork, for each session a fork was made from, and so on. A session that
 * is itself among `sessionIds` is left out. What a session was forked from
 * never changes, so neither does the answer.
 */
export async function readAncestors(
  run: Run,
  tenantId: string,
  sessionIds: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const rows = await run<AncestorAnswer>({
    name: "ancestors",
    text: `
WITH RECURSIVE line (id, up_to, depth) AS (
  SELECT s.parent_session_id, s.fork_position, 1
  FROM unnest($2::uuid[]) AS asked (id) CROSS JOIN ${byKey("sessions", "s", "asked.id")}
  WHERE s.fork_position > 0
  UNION
  SELECT s.parent_session_id, least(s.fork_position, line.up_to), line.depth + 1
  FROM line CROSS JOIN ${byKey("sessions", "s", "line.id")}
  WHERE s.fork_position > 0 AND line.depth < $3
)
SELECT id, max(up_to) FROM line WHERE id <> ALL ($2::uuid[]) GROUP BY id`,
    values: [tenantId, binaryArray("uuid", sessionIds), MAX_FORK_DEPTH],
  });
  return new Map(rows);
}
