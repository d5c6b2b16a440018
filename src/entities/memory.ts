import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { MemorySchema, MemoryService } from "../../gen/holdfast/v1/memory_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const memory: EntityDeclaration<typeof MemorySchema> = {
  name: "memory",
  table: "memories",
  kind: EntityKind.MEMORY,
  nature: "state",
  message: MemorySchema,
  service: MemoryService,
  addedLater: "metadata",
  outputOnly: ["access_time", "access_count"],
  storedElsewhere: ["access_time", "access_count"],
  expireTime: "expire_time",
  updatable: [
    "external_id",
    "agent_id",
    "labels",
    "type",
    "content",
    "goal_id",
    "action",
    "observation",
    "context",
    "success_score",
    "importance",
    "tags",
    "embedding",
    "embedding_model",
    "expire_time",
    "metadata",
  ],
  references: ["goal_id"],
  required: ["type"],
  ranges: { success_score: [0, 1], importance: [0, 1] },
  maxLengths: { embedding_model: 200 },
};
