import type { EntityRules } from "../entity-rules.js";
import { goalEffects } from "./goal-effects.js";
import { loadGoals } from "./load-goals.js";
import { shapeGoal } from "./shape-goal.js";

/** Goals make a tree and a graph of dependencies, so changes of them go one flush at a time. */
export const goalRules: EntityRules = {
  isSerialised: true,
  load: loadGoals,
  shape: shapeGoal,
  effects: goalEffects,
};
