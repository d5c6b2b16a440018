import { type Goal, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { Effect, FlushView } from "../entity-rules.js";
import { firstOpenGoal, type GoalGraph, goalGraph, isFinal } from "./goal-graph.js";
import { contribution, progressFromParts } from "./goal-progress.js";

/** What follows from one change of a goal: those that waited for it, and the progress of all it is a part of. */
export function* goalEffects(
  record: FieldBag,
  before: FieldBag | undefined,
  view: FlushView,
): Iterable<Effect> {
  const goal = record as unknown as Goal;
  const was = before as unknown as Goal | undefined;
  const graph = goalGraph(view);
  yield* unblocked(goal, was, graph);
  yield* progressAbove(goal, was, graph);
}

function* unblocked(goal: Goal, was: Goal | undefined, graph: GoalGraph): Iterable<Effect> {
  // Nothing can wait for what was not there.
  if (!was || goal.status !== GoalStatus.COMPLETED || was.status === GoalStatus.COMPLETED) return;
  for (const { id, dependsOn } of graph.waitingFor(goal.id)) {
    if (firstOpenGoal(dependsOn, graph) === undefined) yield { id, fields: { status: GoalStatus.PENDING } };
  }
}

function* progressAbove(goal: Goal, was: Goal | undefined, graph: GoalGraph): Iterable<Effect> {
  const added = contribution(goal);
  const addedBefore = was && contribution(was);
  if (was && was.parentGoalId === goal.parentGoalId && added === addedBefore) return;
  const parentIds = [was?.parentGoalId ?? "", goal.parentGoalId];
  const changed = new Set(parentIds);
  for (const parent of upwards(parentIds, graph)) {
    if (!changed.has(parent.id)) continue;
    if (parent.progressIsSet || parent.deleteTime !== undefined || isFinal(parent.status)) continue;
    const progress = progressFromParts(parent.id, graph);
    if (progress === undefined || progress === parent.progress) continue;
    yield { id: parent.id, fields: { progress } };
    changed.add(parent.parentGoalId);
  }
}

/** These goals and all above them, each after all of them that are below it. */
function upwards(ids: readonly string[], graph: GoalGraph): readonly Goal[] {
  const levels = new Map<Goal, number>();
  for (const id of ids) {
    const chain: Goal[] = [];
    for (let goal = graph.goal(id); goal; goal = graph.goal(goal.parentGoalId)) chain.push(goal);
    for (const [i, goal] of chain.entries()) levels.set(goal, chain.length - i);
  }
  return [...levels].sort(([, a], [, b]) => b - a).map(([goal]) => goal);
}
