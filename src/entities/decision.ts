import { DecisionSchema, DecisionService } from "../../gen/holdfast/v1/decision_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const decision: EntityDeclaration<typeof DecisionSchema> = {
  name: "decision",
  table: "decisions",
  kind: EntityKind.DECISION,
  nature: "append",
  message: DecisionSchema,
  service: DecisionService,
  addedLater: "metadata",
  references: ["action_id", "observation_id", "goal_id"],
  ranges: { confidence: [0, 1], duration_ms: [0, Number.MAX_VALUE] },
  maxLengths: { type: 200 },
};
