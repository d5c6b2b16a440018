import {
  CrossSessionPatternSchema,
  CrossSessionPatternService,
} from "../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const crossSessionPattern: EntityDeclaration<typeof CrossSessionPatternSchema> = {
  name: "cross_session_pattern",
  table: "cross_session_patterns",
  kind: EntityKind.CROSS_SESSION_PATTERN,
  nature: "state",
  message: CrossSessionPatternSchema,
  service: CrossSessionPatternService,
  addedLater: "metadata",
  updatable: [
    "external_id",
    "agent_id",
    "labels",
    "type",
    "description",
    "data",
    "confidence",
    "usage_count",
    "success_rate",
    "last_used_time",
    "metadata",
  ],
  ranges: { confidence: [0, 1], success_rate: [0, 1], usage_count: [0, Number.MAX_SAFE_INTEGER] },
  maxLengths: { type: 200 },
};
