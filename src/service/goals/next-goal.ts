import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import {
  type Goal,
  GoalStatus,
  type NextGoalRequest,
  NextGoalRequestSchema,
} from "../../../gen/holdfast/v1/goal_pb.js";
import { type FieldViolation, HoldfastError, invalidFields } from "../../core/errors.js";
import { timestampFromMicros } from "../../core/time.js";
import { isUuid } from "../../core/uuid.js";
import { MAX_COLLECTION_SIZE, MAX_NAME_LENGTH } from "../../entities/column-values.js";
import type { Row } from "../../entities/columns.js";
import { fittingRecords } from "../../store/fitting-records.js";
import { type ReadyFilter, readyGoals } from "../../store/goal-reads.js";
import { factKey } from "../flush-facts.js";
import type { EntryPreparer } from "../prepare-entry.js";
import type { Attribution, Choice } from "../prepared-entry.js";
import type { Records } from "../records.js";
import { goalGraph } from "./goal-graph.js";
import { leaseMicros } from "./lease-duration.js";
import { firstReady } from "./ready-goal.js";

/**
 * Hands the first ready goal to one agent, under a lease. The goal is chosen
 * within the flush that hands it out, and flushes with goals go one at a time,
 * so no two callers are given the same, on whichever server they are.
 *
 * @returns undefined if none is ready.
 * @throws INVALID_FIELD
 */
export async function nextGoal(
  records: Records,
  preparer: EntryPreparer,
  tenantId: string,
  request: NextGoalRequest,
  by: Attribution,
): Promise<Goal | undefined> {
  const violations: FieldViolation[] = [];
  checkAgentId(request.agentId, violations);
  const filter = readyFilter(request, violations);
  const lease = leaseMicros(request.leaseDuration, violations);
  if (violations.length > 0) throw invalidFields(violations);
  const entry = preparer.patch({
    codec: records.codec,
    id: "",
    choice: firstReadyChoice(filter),
    requestId: request.requestId,
    schema: NextGoalRequestSchema,
    request,
    fields: (current, view) => ({
      // An expired lease passes on without the goal's status changing.
      ...(current.status !== GoalStatus.IN_PROGRESS && { status: GoalStatus.IN_PROGRESS }),
      leaseHolder: request.agentId,
      leaseExpireTime: timestampFromMicros(goalGraph(view).loaded.nowMicros + lease),
    }),
    path: "",
    idField: "id",
  });
  try {
    return (await records.write(tenantId, entry, by)) as unknown as Goal;
  } catch (error) {
    if (error instanceof HoldfastError && error.reason === ErrorReason.NOT_FOUND) return undefined;
    throw error;
  }
}

/** Who a lease is for. */
export function checkAgentId(agentId: string, violations: FieldViolation[]): void {
  if (agentId === "") violations.push({ field: "agent_id", description: "expected text, got nothing" });
  if (agentId.length > MAX_NAME_LENGTH) {
    const description = `expected at most ${MAX_NAME_LENGTH} characters, got ${agentId.length}`;
    violations.push({ field: "agent_id", description });
  }
  checkText([agentId], "agent_id", violations);
}

function readyFilter(request: NextGoalRequest, violations: FieldViolation[]): ReadyFilter {
  const { sessionId, goalAgentIds, parentGoalIds, labels } = request;
  if (sessionId !== "") checkUuids([sessionId], () => "session_id", violations);
  checkUuids(parentGoalIds, (i) => `parent_goal_ids[${i}]`, violations);
  checkText(goalAgentIds, "goal_agent_ids", violations);
  checkText(Object.entries(labels).flat(), "labels", violations);
  const sizes = { goal_agent_ids: goalAgentIds.length, parent_goal_ids: parentGoalIds.length };
  for (const [field, size] of Object.entries(sizes)) {
    if (size <= MAX_COLLECTION_SIZE) continue;
    violations.push({ field, description: `expected at most ${MAX_COLLECTION_SIZE} values, got ${size}` });
  }
  return {
    sessionId: sessionId.toLowerCase(),
    agentIds: goalAgentIds,
    parentIds: parentGoalIds.map((id) => id.toLowerCase()),
    labels,
  };
}

function checkUuids(
  ids: readonly string[],
  field: (i: number) => string,
  violations: FieldViolation[],
): void {
  for (const [i, id] of ids.entries()) {
    if (isUuid(id)) continue;
    const description = `expected a UUID, got ${JSON.stringify(id.slice(0, 80))}`;
    violations.push({ field: field(i), description });
  }
}

function checkText(texts: readonly string[], field: string, violations: FieldViolation[]): void {
  if (texts.some((text) => text.includes("\0"))) {
    violations.push({ field, description: "expected text without NUL (U+0000)" });
  }
}

function firstReadyChoice(filter: ReadyFilter): Choice {
  return {
    key: JSON.stringify(filter),
    async load(run, codec, tenantId, facts, bounds) {
      const kinds = ["pending", "expired"] as const;
      const found = await Promise.all(
        kinds.map(async (kind) =>
          fittingRecords(codec, await run<Row>(readyGoals(codec, tenantId, kind, filter, bounds))),
        ),
      );
      if (found.some(({ hasMore }) => hasMore)) return false;
      for (const record of found.flatMap(({ records }) => records)) {
        facts.current.set(factKey(codec, record.id as string), record);
      }
      return true;
    },
    find: (view) => {
      const graph = goalGraph(view);
      return firstReady(graph.goals(), filter, graph.loaded.nowMicros)?.id;
    },
  };
}
