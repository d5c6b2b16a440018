import { configuration } from "../entities/configuration.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import { goal } from "../entities/goal.js";
import { memory } from "../entities/memory.js";
import type { WorkerPool } from "../workers/worker-pool.js";
import { configurationRules } from "./configuration-rules.js";
import type { EntityRules, RulesByEntity } from "./entity-rules.js";
import { goalRules } from "./goals/goal-rules.js";
import { memoryRules } from "./memories/memory-rules.js";
import { createSchemaValidator } from "./schemas/schema-validator.js";

export interface RulesSettings {
  /** Working memories that a session or an agent may have. */
  readonly workingMemoryCapacity: number;
  /** Milliseconds that one check of a schema, or of a value by its schema, may take. */
  readonly schemaTimeLimitMs: number;
}

/** The rules of every entity that has some. */
export function createRules(
  { workingMemoryCapacity, schemaTimeLimitMs }: RulesSettings,
  workers: WorkerPool,
): RulesByEntity {
  return new Map<EntityDeclaration, EntityRules>([
    [configuration, configurationRules(createSchemaValidator(workers, schemaTimeLimitMs))],
    [goal, goalRules],
    [memory, memoryRules(workingMemoryCapacity)],
  ]);
}
