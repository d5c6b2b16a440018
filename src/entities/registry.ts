import { action } from "./action.js";
import { actionSelector } from "./action-selector.js";
import { configuration } from "./configuration.js";
import { crossSessionPattern } from "./cross-session-pattern.js";
import { decision } from "./decision.js";
import type { EntityDeclaration } from "./declaration.js";
import { goal } from "./goal.js";
import { learningSystem } from "./learning-system.js";
import { memory } from "./memory.js";
import { observation } from "./observation.js";
import { performanceMetric } from "./performance-metric.js";
import { securityAudit } from "./security-audit.js";
import { session } from "./session.js";

/** Every entity Holdfast keeps. */
export const entities: readonly EntityDeclaration[] = [
  session,
  memory,
  goal,
  action,
  observation,
  decision,
  performanceMetric,
  actionSelector,
  learningSystem,
  crossSessionPattern,
  configuration,
  securityAudit,
];
