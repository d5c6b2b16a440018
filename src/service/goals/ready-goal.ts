import { type Goal, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import { microsFromTimestamp } from "../../core/time.js";
import type { ReadyFilter } from "../../store/goal-reads.js";

/** Of the goals that may be handed out and match, the one to hand out first. */
export function firstReady(goals: Iterable<Goal>, filter: ReadyFilter, nowMicros: bigint): Goal | undefined {
  let first: Goal | undefined;
  for (const goal of goals) {
    if (!isReady(goal, nowMicros) || !matches(goal, filter)) continue;
    if (!first || comesBefore(goal, first)) first = goal;
  }
  return first;
}

function isReady({ status, deleteTime, leaseExpireTime }: Goal, nowMicros: bigint): boolean {
  if (deleteTime !== undefined) return false;
  if (status === GoalStatus.PENDING) return true;
  const isLeased = status === GoalStatus.IN_PROGRESS && leaseExpireTime !== undefined;
  return isLeased && microsFromTimestamp(leaseExpireTime) <= nowMicros;
}

function matches(goal: Goal, { sessionId, agentIds, parentIds, labels }: ReadyFilter): boolean {
  return (
    (sessionId === "" || goal.sessionId.toLowerCase() === sessionId) &&
    (agentIds.length === 0 || agentIds.includes(goal.agentId)) &&
    (parentIds.length === 0 || parentIds.includes(goal.parentGoalId)) &&
    Object.entries(labels).every(
      ([key, value]) => Object.hasOwn(goal.labels, key) && goal.labels[key] === value,
    )
  );
}

function comesBefore(a: Goal, b: Goal): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  const [created, createdB] = [createMicros(a), createMicros(b)];
  return created === createdB ? a.id < b.id : created < createdB;
}

/** What is being created by this very flush has no time yet and is the youngest. */
function createMicros({ createTime }: Goal): number {
  return createTime ? Number(microsFromTimestamp(createTime)) : Number.POSITIVE_INFINITY;
}
