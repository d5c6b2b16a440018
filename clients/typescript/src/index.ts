export {
  type Action,
  ActionStatus,
  type FinishAction,
  type StartAction,
} from "../../../gen/holdfast/v1/action_pb.js";
export type { GetLogHeadResponse } from "../../../gen/holdfast/v1/admin_pb.js";
export type { Decision } from "../../../gen/holdfast/v1/decision_pb.js";
export { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
export { ChangeType, EntityKind, type Event } from "../../../gen/holdfast/v1/event_pb.js";
export type { Observation } from "../../../gen/holdfast/v1/observation_pb.js";
export type { Payload } from "../../../gen/holdfast/v1/payload_pb.js";
export type { PerformanceMetric } from "../../../gen/holdfast/v1/performance_metric_pb.js";
export { type Session, SessionStatus } from "../../../gen/holdfast/v1/session_pb.js";
export type { Admin } from "./admin.js";
export type { CallOptions, ReadOptions } from "./call/call-options.js";
export type { RetryPolicy } from "./call/retry-policy.js";
export { connect } from "./connect.js";
export type { ConnectOptions, RequestMetadata, TlsOptions } from "./connect-options.js";
export type { EntryInput, EntryOutcome, EventListPage, EventRange, Events } from "./events.js";
export type { Holdfast } from "./holdfast.js";
export {
  type ClientReason,
  type FieldViolation,
  HoldfastError,
  type HoldfastErrorDetails,
  type Reason,
  type StatusName,
} from "./holdfast-error.js";
export type { Page, PageOptions } from "./pages.js";
export { bytes, json, payloadJson, payloadText, text } from "./payload.js";
export type { EntryCase, Recorded, Saved } from "./recorder/recorded.js";
export type { Recorder } from "./recorder/recorder.js";
export type { RecorderOptions, RecorderTotals, RejectedRecord } from "./recorder/recorder-options.js";
export type {
  ActionInput,
  DecisionInput,
  FinishActionInput,
  ObservationInput,
  PerformanceMetricInput,
  RecordDefaults,
  StartActionInput,
} from "./recorder/records.js";
export type {
  ChangeOptions,
  SessionChanges,
  SessionEnd,
  SessionInput,
  SessionSelection,
  Sessions,
} from "./sessions.js";
export type { Subscription } from "./subscription.js";
export type { Cursor, EventPage, EventSelection, SubscribeOptions } from "./subscription-options.js";
export { createUuidV7Source } from "./uuid-v7.js";
export type { Input } from "./wire/input.js";
