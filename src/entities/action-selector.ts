import { ActionSelectorSchema, ActionSelectorService } from "../../gen/holdfast/v1/action_selector_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const actionSelector: EntityDeclaration<typeof ActionSelectorSchema> = {
  name: "action_selector",
  table: "action_selectors",
  kind: EntityKind.ACTION_SELECTOR,
  nature: "state",
  message: ActionSelectorSchema,
  service: ActionSelectorService,
  addedLater: "metadata",
  updatable: [
    "external_id",
    "agent_id",
    "labels",
    "type",
    "action_scores",
    "action_counts",
    "action_history",
    "context_weights",
    "goal_patterns",
    "learning_rate",
    "epsilon",
    "metadata",
  ],
  mergedMaps: ["action_scores", "action_counts", "context_weights"],
  ranges: { learning_rate: [0, 1], epsilon: [0, 1] },
  maxLengths: { type: 200 },
};
