import { ActionSchema, ActionService, ActionStatus } from "../../gen/holdfast/v1/action_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "./declaration.js";

const FINAL = [
  ActionStatus.SUCCEEDED,
  ActionStatus.PARTIAL,
  ActionStatus.FAILED,
  ActionStatus.CANCELLED,
] as const;

export const action: EntityDeclaration<typeof ActionSchema> = {
  name: "action",
  table: "actions",
  kind: EntityKind.ACTION,
  nature: "state",
  message: ActionSchema,
  service: ActionService,
  addedLater: "metadata",
  isBoundToSession: true,
  lifecycle: {
    field: "status",
    initial: ActionStatus.PENDING,
    mayStartLater: true,
    transitions: {
      [ActionStatus.PENDING]: [ActionStatus.RUNNING, ...FINAL],
      [ActionStatus.RUNNING]: FINAL,
    },
  },
  updatable: [
    "external_id",
    "agent_id",
    "labels",
    "type",
    "name",
    "tool",
    "description",
    "parameters",
    "status",
    "result",
    "success_score",
    "cost",
    "expected_outcome",
    "prerequisites",
    "goal_id",
    "user_id",
    "start_time",
    "complete_time",
    "metadata",
  ],
  references: ["goal_id"],
  ranges: { success_score: [0, 1] },
  maxLengths: { type: 200, name: 1000, tool: 200, user_id: 200 },
};
