import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import { type Goal, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import { HoldfastError, limitExceeded } from "../../core/errors.js";
import { timestampFromMicros } from "../../core/time.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { FlushView } from "../entity-rules.js";
import type { CreateEntry, PatchEntry } from "../prepared-entry.js";
import { checkDependencies } from "./check-dependencies.js";
import { checkParent } from "./check-parent.js";
import { firstOpenGoal, type GoalGraph, goalGraph, isFinal } from "./goal-graph.js";
import { progressFromParts } from "./goal-progress.js";

/**
 * A goal as it is to be written: its place in the graph checked, and what
 * follows for its own status, progress, times and lease.
 *
 * @throws INVALID_FIELD, LIMIT_EXCEEDED, ILLEGAL_TRANSITION
 */
export function shapeGoal(
  record: FieldBag,
  before: FieldBag | undefined,
  view: FlushView,
  entry: CreateEntry | PatchEntry,
): void {
  const goal = record as unknown as Goal;
  const was = before as unknown as Goal | undefined;
  if (goal.deleteTime !== undefined) return;
  const graph = goalGraph(view);
  place(goal, was, graph, entry.path);
  settleStatus(goal, was, graph);
  settleProgress(goal, was, graph, (field) => isGiven(entry, field));
  if (goal.status !== GoalStatus.IN_PROGRESS) {
    goal.leaseHolder = "";
    delete goal.leaseExpireTime;
  }
  if (isFinal(goal.status) && goal.status !== was?.status) {
    goal.completeTime ??= timestampFromMicros(graph.loaded.nowMicros);
  }
}

function place(goal: Goal, was: Goal | undefined, graph: GoalGraph, path: string): void {
  const isMoved = goal.parentGoalId !== (was?.parentGoalId ?? "");
  const waitsForOthers = goal.dependsOn.join() !== (was?.dependsOn ?? []).join();
  const { exceeded } = graph.loaded;
  if (exceeded && was && (isMoved || waitsForOthers)) {
    const field = `${path}${isMoved ? "parent_goal_id" : "depends_on"}`;
    throw limitExceeded(field, exceeded.unit, exceeded.limit, exceeded.limit + 1, true);
  }
  if (isMoved) checkParent(goal, was === undefined, graph, path);
  if (waitsForOthers) checkDependencies(goal, was?.dependsOn, graph, path);
}

function settleStatus(goal: Goal, was: Goal | undefined, graph: GoalGraph): void {
  if (isFinal(goal.status)) return;
  const isAsBefore = was?.status === goal.status && was.dependsOn.join() === goal.dependsOn.join();
  if (isAsBefore) return;
  const open = firstOpenGoal(goal.dependsOn, graph);
  if (open !== undefined) {
    // One that has begun may be told to wait; one that waits may not begin.
    if (goal.status === GoalStatus.IN_PROGRESS && was?.status !== GoalStatus.IN_PROGRESS) {
      throw mayNotBegin(goal, open);
    }
    goal.status = GoalStatus.BLOCKED;
  } else if (
    was?.status === GoalStatus.BLOCKED &&
    goal.status === GoalStatus.BLOCKED &&
    firstOpenGoal(was.dependsOn, graph) !== undefined
  ) {
    goal.status = GoalStatus.PENDING;
  }
}

function settleProgress(
  goal: Goal,
  was: Goal | undefined,
  graph: GoalGraph,
  given: (field: string) => boolean,
): void {
  if (given("progress") && !given("progressIsSet")) goal.progressIsSet = true;
  if (was?.progressIsSet && !goal.progressIsSet && !isFinal(goal.status)) {
    goal.progress = progressFromParts(goal.id, graph) ?? goal.progress;
  }
  const isCompleted = goal.status === GoalStatus.COMPLETED && was?.status !== GoalStatus.COMPLETED;
  if (isCompleted && !given("progress")) goal.progress = 1;
}

/** Whether the caller gave the field; in a new goal what is empty was not given. */
function isGiven(entry: CreateEntry | PatchEntry, field: string): boolean {
  if (entry.verb === "create") return Boolean(entry.message[field]);
  return typeof entry.fields !== "function" && field in entry.fields;
}

function mayNotBegin({ id }: Goal, open: string): HoldfastError {
  return new HoldfastError(
    ErrorReason.ILLEGAL_TRANSITION,
    `goal ${id} cannot become IN_PROGRESS: it depends on ${open}, which is not COMPLETED`,
    { metadata: { entity: "goal", id, from: "BLOCKED", to: "IN_PROGRESS", depends_on: open } },
  );
}
