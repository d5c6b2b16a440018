export {
  type Action,
  type ActionRevision,
  ActionStatus,
  type FinishAction,
  type StartAction,
} from "../../../gen/holdfast/v1/action_pb.js";
export {
  type ActionSelector,
  type ActionSelectorRevision,
  type CandidateScore,
  type SelectActionResponse,
  SelectionStrategy,
} from "../../../gen/holdfast/v1/action_selector_pb.js";
export {
  DatabaseShape,
  type GetLogHeadResponse,
  type GetStatisticsResponse,
  type GetStorageInfoResponse,
} from "../../../gen/holdfast/v1/admin_pb.js";
export {
  type Configuration,
  type ConfigurationChange,
  ConfigurationLayer,
  type ConfigurationRevision,
  ConfigurationValueType,
} from "../../../gen/holdfast/v1/configuration_pb.js";
export type {
  CrossSessionPattern,
  CrossSessionPatternRevision,
  MinedPattern,
  MinePatternsResponse,
  RankedPattern,
} from "../../../gen/holdfast/v1/cross_session_pattern_pb.js";
export type { Decision, ExplainActionResponse } from "../../../gen/holdfast/v1/decision_pb.js";
export { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
export type { Event } from "../../../gen/holdfast/v1/event_pb.js";
export { type Goal, type GoalRevision, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
export type {
  LearningSystem,
  LearningSystemRevision,
  StrategyScore,
  StrategySuggestion,
} from "../../../gen/holdfast/v1/learning_system_pb.js";
export { ChangeType, EntityKind, ListOrder } from "../../../gen/holdfast/v1/log_pb.js";
export {
  type Memory,
  type MemoryHit,
  type MemoryRevision,
  MemoryType,
  type SearchMemoriesResponse,
  SearchMethod,
  VectorScan,
} from "../../../gen/holdfast/v1/memory_pb.js";
export type { Observation } from "../../../gen/holdfast/v1/observation_pb.js";
export type { Payload } from "../../../gen/holdfast/v1/payload_pb.js";
export type { PerformanceMetric } from "../../../gen/holdfast/v1/performance_metric_pb.js";
export { type SecurityAudit, SecurityLevel } from "../../../gen/holdfast/v1/security_audit_pb.js";
export { type Session, type SessionRevision, SessionStatus } from "../../../gen/holdfast/v1/session_pb.js";
export type {
  ActionSelectorChanges,
  ActionSelectorInput,
  ActionSelectorSelection,
  ActionSelectors,
  Choice,
  LearnedScores,
  OutcomeInput,
} from "./action-selectors.js";
export type { ActionChanges, ActionSelection, Actions } from "./actions.js";
export type { Admin, StateOptions, StatePage, StateSubject } from "./admin.js";
export type { CallOptions, ChangeOptions, ReadOptions, RequestOptions } from "./call/call-options.js";
export type { RetryPolicy } from "./call/retry-policy.js";
export type { ConfigurationPage, ConfigurationWatch, WatchOptions } from "./configuration-watch.js";
export type {
  ConfigurationChanges,
  ConfigurationInput,
  ConfigurationSelection,
  Configurations,
  KeySelection,
  ResolvedConfiguration,
} from "./configurations.js";
export { connect } from "./connect.js";
export type { ConnectOptions, RequestMetadata, TlsOptions } from "./connect-options.js";
export type {
  CrossSessionPatternChanges,
  CrossSessionPatternInput,
  CrossSessionPatternSelection,
  CrossSessionPatterns,
  MiningInput,
  RankingOptions,
} from "./cross-session-patterns.js";
export type { DecisionSelection, Decisions } from "./decisions.js";
export type { CreateOutcome, EntityClient, Key } from "./entity/entity-client.js";
export type { AsOf, ChangesOf, EntityOf, InputOf, RevisionOf, SelectionOf } from "./entity/entity-types.js";
export type { EntryInput, EntryOutcome, EventListPage, EventRange, Events } from "./events.js";
export { type Cursor, cursorFromText, cursorToText } from "./follow/cursor.js";
export type { FollowOptions } from "./follow/follow-options.js";
export type {
  GoalChanges,
  GoalInput,
  GoalSelection,
  Goals,
  LeaseOptions,
  NextGoalSelection,
} from "./goals.js";
export type { Holdfast } from "./holdfast.js";
export {
  type ClientReason,
  type FieldViolation,
  HoldfastError,
  type HoldfastErrorDetails,
  type Reason,
  type StatusName,
} from "./holdfast-error.js";
export type { JournalOptions, RejectedWrite } from "./journal/journal-options.js";
export type { Journal, JournalMode, JournalState } from "./journal/journal-state.js";
export type { JournaledClient } from "./journal/journaled-client.js";
export type { JournaledHoldfast } from "./journal/journaled-holdfast.js";
export type { Durable, Journaled, Kept, Written } from "./journal/written.js";
export type {
  BestStrategyOptions,
  EpisodeInput,
  LearningGoalInput,
  LearningSystemChanges,
  LearningSystemInput,
  LearningSystemSelection,
  LearningSystems,
  StrategyOptions,
} from "./learning-systems.js";
export type { Memories, MemoryChanges, MemoryInput, MemoryQuery, MemorySelection } from "./memories.js";
export type { ObservationSelection, Observations } from "./observations.js";
export type { ListOptions, Page, PageOptions } from "./pages.js";
export { bytes, json, payloadJson, payloadText, text } from "./payload.js";
export type { PerformanceMetricSelection, PerformanceMetrics } from "./performance-metrics.js";
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
  SecurityAuditInput,
  StartActionInput,
} from "./recorder/records.js";
export type { SecurityAuditSelection, SecurityAudits } from "./security-audits.js";
export type {
  ForkInput,
  SessionChanges,
  SessionEnd,
  SessionInput,
  SessionSelection,
  Sessions,
} from "./sessions.js";
export type { Subscription } from "./subscription.js";
export type { EventPage, EventSelection, SubscribeOptions } from "./subscription-options.js";
export { createUuidV7Source } from "./uuid-v7.js";
export type { Input } from "./wire/input.js";
