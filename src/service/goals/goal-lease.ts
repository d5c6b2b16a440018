import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import {
  type Goal,
  GoalStatus,
  type ReleaseGoalRequest,
  ReleaseGoalRequestSchema,
  type RenewGoalLeaseRequest,
  RenewGoalLeaseRequestSchema,
} from "../../../gen/holdfast/v1/goal_pb.js";
import { type FieldViolation, HoldfastError, invalidFields } from "../../core/errors.js";
import { timestampFromMicros } from "../../core/time.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { EntryPreparer } from "../prepare-entry.js";
import type { Attribution } from "../prepared-entry.js";
import type { Records } from "../records.js";
import { goalGraph } from "./goal-graph.js";
import { leaseMicros } from "./lease-duration.js";
import { checkAgentId } from "./next-goal.js";

/** Lets the holder's lease last from now. @throws NOT_FOUND, LEASE_NOT_HELD, INVALID_FIELD */
export async function renewGoalLease(
  records: Records,
  preparer: EntryPreparer,
  tenantId: string,
  request: RenewGoalLeaseRequest,
  by: Attribution,
): Promise<Goal> {
  const violations: FieldViolation[] = [];
  checkAgentId(request.agentId, violations);
  const lease = leaseMicros(request.leaseDuration, violations);
  if (violations.length > 0) throw invalidFields(violations);
  const entry = preparer.patch({
    codec: records.codec,
    id: request.id,
    requestId: request.requestId,
    schema: RenewGoalLeaseRequestSchema,
    request,
    fields: (current, view) => {
      requireHolder(current, request.agentId);
      return { leaseExpireTime: timestampFromMicros(goalGraph(view).loaded.nowMicros + lease) };
    },
    path: "",
    idField: "id",
  });
  return (await records.write(tenantId, entry, by)) as unknown as Goal;
}

/** Gives the holder's goal back. @throws NOT_FOUND, LEASE_NOT_HELD, INVALID_FIELD */
export async function releaseGoal(
  records: Records,
  preparer: EntryPreparer,
  tenantId: string,
  request: ReleaseGoalRequest,
  by: Attribution,
): Promise<Goal> {
  const violations: FieldViolation[] = [];
  checkAgentId(request.agentId, violations);
  if (violations.length > 0) throw invalidFields(violations);
  const entry = preparer.patch({
    codec: records.codec,
    id: request.id,
    requestId: request.requestId,
    schema: ReleaseGoalRequestSchema,
    request,
    fields: (current) => {
      requireHolder(current, request.agentId);
      return { status: GoalStatus.PENDING };
    },
    path: "",
    idField: "id",
  });
  return (await records.write(tenantId, entry, by)) as unknown as Goal;
}

function requireHolder(current: FieldBag, agentId: string): void {
  const { id, leaseHolder } = current as unknown as Goal;
  // Only a goal that is IN_PROGRESS has a holder.
  if (leaseHolder === agentId) return;
  throw new HoldfastError(
    ErrorReason.LEASE_NOT_HELD,
    `goal ${id} is held by ${leaseHolder === "" ? "nobody" : JSON.stringify(leaseHolder)}, not by ${JSON.stringify(agentId)}`,
    { metadata: { id, lease_holder: leaseHolder } },
  );
}
