import { type Goal, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import type { GoalGraph } from "./goal-graph.js";

/** What a goal adds to the progress of the one it is a part of; undefined if it does not count. */
export function contribution(goal: Goal): number | undefined {
  if (goal.deleteTime !== undefined || goal.status === GoalStatus.CANCELLED) return undefined;
  return goal.status === GoalStatus.COMPLETED ? 1 : goal.progress;
}

/** The mean of what a goal's parts add; undefined if none counts. */
export function progressFromParts(
  id: string,
  graph: Pick<GoalGraph, "parts" | "loaded">,
): number | undefined {
  let { count, progress } = graph.loaded.parts.get(id) ?? { count: 0, progress: 0 };
  for (const part of graph.parts(id)) {
    const added = contribution(part);
    if (added === undefined) continue;
    count += 1;
    progress += added;
  }
  // A sum of rounded numbers may end a little above the count.
  return count === 0 ? undefined : Math.min(1, progress / count);
}
