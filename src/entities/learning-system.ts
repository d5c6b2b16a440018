import { LearningSystemSchema, LearningSystemService } from "../../gen/holdfast/v1/learning_system_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const learningSystem: EntityDeclaration<typeof LearningSystemSchema> = {
  name: "learning_system",
  table: "learning_systems",
  kind: EntityKind.LEARNING_SYSTEM,
  nature: "state",
  message: LearningSystemSchema,
  service: LearningSystemService,
  addedLater: "metadata",
  updatable: [
    "external_id",
    "agent_id",
    "labels",
    "type",
    "strategies",
    "strategy_scores",
    "strategy_counts",
    "pattern_library",
    "total_episodes",
    "history",
    "best_strategies",
    "metadata",
  ],
  mergedMaps: ["strategy_scores", "strategy_counts"],
  ranges: { total_episodes: [0, Number.MAX_SAFE_INTEGER] },
  maxLengths: { type: 200 },
};
