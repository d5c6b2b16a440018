import { action } from "./action.js";
import { decision } from "./decision.js";
import type { EntityDeclaration } from "./declaration.js";
import { observation } from "./observation.js";
import { performanceMetric } from "./performance-metric.js";
import { session } from "./session.js";

/** Every entity Holdfast keeps. */
export const entities: readonly EntityDeclaration[] = [
  session,
  action,
  observation,
  decision,
  performanceMetric,
];
