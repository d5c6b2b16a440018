import { type Goal, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { Effect, FlushView } from "../entity-rules.js";
import { type GoalGraph, goalGraph, isFinal, openGoals } from "./goal-graph.js";
import { contribution, progressFromParts } from "./goal-progress.js";

/** What follows from one change of a goal: those that waited for it, and the progress of what it is a part of. */
export function goalEffects(
  record: FieldBag,
  before: FieldBag | undefined,
  view: FlushView,
): readonly Effect[] {
  const goal = record as unknown as Goal;
  const was = before as unknown as Goal | undefined;
  const graph = goalGraph(view);
  return [...unblocked(goal, was, graph), ...parentsProgress(goal, was, graph)];
}

function unblocked(goal: Goal, was: Goal | undefined, graph: GoalGraph): readonly Effect[] {
  // Nothing can wait for what was not there.
  if (!was || goal.status !== GoalStatus.COMPLETED || was.status === GoalStatus.COMPLETED) return [];
  const effects: Effect[] = [];
  for (const waiting of graph.goals()) {
    if (waiting.status !== GoalStatus.BLOCKED || waiting.deleteTime !== undefined) continue;
    if (!waiting.dependsOn.includes(goal.id) || openGoals(waiting.dependsOn, graph).length > 0) continue;
    effects.push({ id: waiting.id, fields: { status: GoalStatus.PENDING } });
  }
  return effects;
}

function parentsProgress(goal: Goal, was: Goal | undefined, graph: GoalGraph): readonly Effect[] {
  const added = contribution(goal);
  const addedBefore = was && contribution(was);
  if (was && was.parentGoalId === goal.parentGoalId && added === addedBefore) return [];
  const parentIds = new Set([was?.parentGoalId ?? "", goal.parentGoalId]);
  const effects: Effect[] = [];
  for (const id of parentIds) {
    const parent = graph.goal(id);
    if (!parent || parent.progressIsSet || parent.deleteTime !== undefined || isFinal(parent.status))
      continue;
    const progress = progressFromParts(parent.id, graph);
    if (progress !== undefined && progress !== parent.progress) {
      effects.push({ id: parent.id, fields: { progress } });
    }
  }
  return effects;
}
