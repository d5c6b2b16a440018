import { configuration } from "../entities/configuration.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import { goal } from "../entities/goal.js";
import { configurationRules } from "./configuration-rules.js";
import type { EntityRules, RulesByEntity } from "./entity-rules.js";
import { goalRules } from "./goals/goal-rules.js";

/** The rules of every entity that has some. */
export const rules: RulesByEntity = new Map<EntityDeclaration, EntityRules>([
  [configuration, configurationRules],
  [goal, goalRules],
]);
