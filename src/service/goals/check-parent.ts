import type { Goal } from "../../../gen/holdfast/v1/goal_pb.js";
import { invalidFields, limitExceeded } from "../../core/errors.js";
import { isUuid } from "../../core/uuid.js";
import { cycleText, findCycle } from "./find-cycle.js";
import type { GoalGraph } from "./goal-graph.js";

/** Levels of a tree of goals: a change of progress may change every goal above it. */
export const MAX_GOAL_DEPTH = 32;

/**
 * Puts a goal's new parent into canonical form.
 *
 * @param isNew whether the goal is being created, so that nothing is a part of it.
 * @throws INVALID_FIELD for a parent that is not there or would close a cycle; LIMIT_EXCEEDED for a tree too deep.
 */
export function checkParent(goal: Goal, isNew: boolean, graph: GoalGraph, path: string): void {
  // Left to the codec to refuse, with whatever else is wrong.
  if (!isUuid(goal.parentGoalId)) return;
  goal.parentGoalId = goal.parentGoalId.toLowerCase();
  const { id, parentGoalId } = goal;
  const field = `${path}parent_goal_id`;
  const parent = graph.node(parentGoalId);
  if (parentGoalId !== id && (!parent || parent.isDeleted)) {
    throw invalidFields([{ field, description: `expected an existing goal, got ${parentGoalId}` }]);
  }
  const above = (of: string) => parentsOf(of === id ? parentGoalId : graph.node(of)?.parentId);
  const cycle = findCycle(id, above);
  if (cycle) throw invalidFields([{ field, description: `expected no cycle, got ${cycleText(cycle)}` }]);
  let depth = 1;
  for (let up: string | undefined = parentGoalId; up; up = graph.node(up)?.parentId) depth += 1;
  if (!isNew) depth += levelsBelow(id, graph);
  if (depth > MAX_GOAL_DEPTH) throw limitExceeded(field, "levels of goals", MAX_GOAL_DEPTH, depth);
}

function parentsOf(parentId: string | undefined): readonly string[] {
  return parentId ? [parentId] : [];
}

function levelsBelow(id: string, graph: GoalGraph): number {
  let levels = 0;
  let level = graph.partIds(id);
  while (level.length > 0) {
    levels += 1;
    level = level.flatMap((part) => graph.partIds(part));
  }
  return levels;
}
