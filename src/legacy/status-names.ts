import { ActionStatus } from "../../gen/holdfast/v1/action_pb.js";
import { GoalStatus } from "../../gen/holdfast/v1/goal_pb.js";
import { MemoryType } from "../../gen/holdfast/v1/memory_pb.js";
import { SecurityLevel } from "../../gen/holdfast/v1/security_audit_pb.js";

/** What older agents called a status, in lower case. */
export const GOAL_STATUS = {
  pending: GoalStatus.PENDING,
  open: GoalStatus.PENDING,
  in_progress: GoalStatus.IN_PROGRESS,
  active: GoalStatus.IN_PROGRESS,
  blocked: GoalStatus.BLOCKED,
  completed: GoalStatus.COMPLETED,
  done: GoalStatus.COMPLETED,
  failed: GoalStatus.FAILED,
  cancelled: GoalStatus.CANCELLED,
};
export const ACTION_STATUS = {
  pending: ActionStatus.PENDING,
  running: ActionStatus.RUNNING,
  in_progress: ActionStatus.RUNNING,
  completed: ActionStatus.SUCCEEDED,
  success: ActionStatus.SUCCEEDED,
  succeeded: ActionStatus.SUCCEEDED,
  partial: ActionStatus.PARTIAL,
  failed: ActionStatus.FAILED,
  failure: ActionStatus.FAILED,
  cancelled: ActionStatus.CANCELLED,
};
export const MEMORY_TYPE = {
  working: MemoryType.WORKING,
  episodic: MemoryType.EPISODIC,
  semantic: MemoryType.SEMANTIC,
  procedural: MemoryType.PROCEDURAL,
};
export const SECURITY_LEVEL = {
  low: SecurityLevel.LOW,
  medium: SecurityLevel.MEDIUM,
  high: SecurityLevel.HIGH,
  critical: SecurityLevel.CRITICAL,
};
