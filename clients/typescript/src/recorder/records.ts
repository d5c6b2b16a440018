import type { Action, FinishAction, StartAction } from "../../../../gen/holdfast/v1/action_pb.js";
import type { Decision } from "../../../../gen/holdfast/v1/decision_pb.js";
import type { Observation } from "../../../../gen/holdfast/v1/observation_pb.js";
import type { PerformanceMetric } from "../../../../gen/holdfast/v1/performance_metric_pb.js";
import type { Input } from "../wire/input.js";

type OutputOnly = "$typeName" | "position" | "createTime" | "updateTime" | "deleteTime" | "revision";

/** What was perceived. Without an id the client makes one (UUIDv7). */
export type ObservationInput = Omit<Input<Observation>, OutputOnly>;
/** What is to be done. Without an id the client makes one (UUIDv7). */
export type ActionInput = Omit<Input<Action>, OutputOnly>;
/** Why something was done. Without an id the client makes one (UUIDv7). */
export type DecisionInput = Omit<Input<Decision>, OutputOnly>;
/** What was measured. Without an id the client makes one (UUIDv7). */
export type PerformanceMetricInput = Omit<Input<PerformanceMetric>, OutputOnly>;
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
