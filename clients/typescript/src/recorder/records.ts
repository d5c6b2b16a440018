import type { ActionService, FinishAction, StartAction } from "../../../../gen/holdfast/v1/action_pb.js";
import type { DecisionService } from "../../../../gen/holdfast/v1/decision_pb.js";
import type { ObservationService } from "../../../../gen/holdfast/v1/observation_pb.js";
import type { PerformanceMetricService } from "../../../../gen/holdfast/v1/performance_metric_pb.js";
import type { SecurityAuditService } from "../../../../gen/holdfast/v1/security_audit_pb.js";
import type { InputOf } from "../entity/entity-types.js";
import type { Input } from "../wire/input.js";

/** What was perceived. Without an id the client makes one (UUIDv7). */
export type ObservationInput = InputOf<typeof ObservationService>;
/** What is to be done. Without an id the client makes one (UUIDv7). */
export type ActionInput = InputOf<typeof ActionService>;
/** Why something was done. Without an id the client makes one (UUIDv7). */
export type DecisionInput = InputOf<typeof DecisionService>;
/** What was measured. Without an id the client makes one (UUIDv7). */
export type PerformanceMetricInput = InputOf<typeof PerformanceMetricService>;
/** What was asked for and whether it was allowed. Without an id the client makes one (UUIDv7). */
export type SecurityAuditInput = InputOf<typeof SecurityAuditService>;
/** That an action starts. `requestId` is the change's own id; the client makes one (UUIDv7). */
export type StartActionInput = Omit<Input<StartAction>, "$typeName" | "actionId">;
/** That an action ended, and how: SUCCEEDED unless `status` says otherwise. `requestId` as in a start. */
export type FinishActionInput = Omit<Input<FinishAction>, "$typeName" | "actionId">;

/** What every record gets unless it says otherwise itself; labels are added to the record's own. */
export interface RecordDefaults {
  readonly sessionId?: string;
  readonly agentId?: string;
  readonly labels?: Readonly<Record<string, string>>;
}
