import type { Goal } from "../../../gen/holdfast/v1/goal_pb.js";
import { type FieldViolation, invalidFields } from "../../core/errors.js";
import { isUuid } from "../../core/uuid.js";
import { cycleText, findCycle } from "./find-cycle.js";
import type { GoalGraph } from "./goal-graph.js";

/**
 * Puts what a goal depends on into canonical form: lower case, each once.
 *
 * @param before what it depended on until now, which need not exist any more; undefined for a new goal.
 * @throws INVALID_FIELD naming each that is no existing goal, or the one that would close a cycle.
 */
export function checkDependencies(
  goal: Goal,
  before: readonly string[] | undefined,
  graph: GoalGraph,
  path: string,
): void {
  const ids = goal.dependsOn.map((id) => id.toLowerCase());
  const violations: FieldViolation[] = [];
  for (const [i, id] of ids.entries()) {
    const field = `${path}depends_on[${i}]`;
    const node = graph.node(id);
    if (!isUuid(id)) {
      const got = JSON.stringify((goal.dependsOn[i] ?? "").slice(0, 80));
      violations.push({ field, description: `expected a UUID, got ${got}` });
    } else if (id !== goal.id && !before?.includes(id) && (!node || node.isDeleted)) {
      violations.push({ field, description: `expected an existing goal, got ${id}` });
    }
  }
  if (violations.length > 0) throw invalidFields(violations);
  const cycle = before ? changedCycle(goal.id, ids, graph) : newCycle(goal.id, ids);
  if (cycle) {
    const field = `${path}depends_on[${ids.indexOf(cycle[1] ?? "")}]`;
    throw invalidFields([{ field, description: `expected no cycle, got ${cycleText(cycle)}` }]);
  }
  goal.dependsOn = [...new Set(ids)];
}

function changedCycle(
  goalId: string,
  ids: readonly string[],
  graph: GoalGraph,
): readonly string[] | undefined {
  return findCycle(goalId, (id) => {
    const next = id === goalId ? ids : (graph.node(id)?.dependsOn ?? []);
    graph.spend(1 + next.length);
    return next;
  });
}

/** Nothing depends on a new goal yet, so only itself can close a cycle: the graph need not be walked. */
function newCycle(goalId: string, ids: readonly string[]): readonly string[] | undefined {
  return ids.includes(goalId) ? [goalId, goalId] : undefined;
}
