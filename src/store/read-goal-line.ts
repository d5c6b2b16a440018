import { byKey } from "./by-key.js";
import type { Run } from "./database.js";

/** Goals from one up to its root that are followed; trees people and agents make are far flatter. */
export const MAX_GOAL_DEPTH = 64;

/**
 * A goal and those above it, nearest first, as far as they exist; one more than
 * `MAX_GOAL_DEPTH` when there are more.
 */
export async function readGoalLine(run: Run, tenantId: string, goalId: string): Promise<readonly string[]> {
  const rows = await run<[id: string]>({
    name: "goal line",
    text: `
WITH RECURSIVE line (id, parent_goal_id, depth) AS (
  SELECT g.id, g.parent_goal_id, 0 FROM holdfast.goals g WHERE g.tenant_id = $1::uuid AND g.id = $2::uuid
  UNION ALL
  SELECT g.id, g.parent_goal_id, line.depth + 1
  FROM line CROSS JOIN ${byKey("goals", "g", "line.parent_goal_id")}
  WHERE line.depth < $3
)
SELECT id FROM line ORDER BY depth`,
    values: [tenantId, goalId, MAX_GOAL_DEPTH],
  });
  return [...new Set(rows.map(([id]) => id))];
}
