import { GoalSchema, GoalService, GoalStatus } from "../../gen/holdfast/v1/goal_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "./declaration.js";

const FINAL = [GoalStatus.COMPLETED, GoalStatus.FAILED, GoalStatus.CANCELLED] as const;

export const goal: EntityDeclaration<typeof GoalSchema> = {
  name: "goal",
  table: "goals",
  kind: EntityKind.GOAL,
  nature: "state",
  message: GoalSchema,
  service: GoalService,
  addedLater: "metadata",
  lifecycle: {
    field: "status",
    initial: GoalStatus.PENDING,
    mayStartLater: true,
    transitions: {
      [GoalStatus.PENDING]: [GoalStatus.IN_PROGRESS, GoalStatus.BLOCKED, ...FINAL],
      [GoalStatus.IN_PROGRESS]: [GoalStatus.PENDING, GoalStatus.BLOCKED, ...FINAL],
      [GoalStatus.BLOCKED]: [GoalStatus.PENDING, GoalStatus.IN_PROGRESS, ...FINAL],
    },
  },
  updatable: [
    "external_id",
    "agent_id",
    "labels",
    "title",
    "description",
    "status",
    "priority",
    "progress",
    "progress_is_set",
    "parent_goal_id",
    "depends_on",
    "constraints",
    "target_time",
    "complete_time",
    "created_by",
    "metadata",
  ],
  outputOnly: ["lease_holder", "lease_expire_time"],
  references: ["parent_goal_id"],
  ranges: { priority: [0, 1], progress: [0, 1] },
  maxLengths: { title: 1000, created_by: 200 },
};
