import { entities } from "../entities/registry.js";
import { appendRoutine } from "./routines/append-routine.js";
import { logRoutines } from "./routines/log-routines.js";
import { stateRoutines } from "./routines/state-routines.js";

/**
 * The functions of schema `holdfast`, as SQL. They follow from the entity
 * declarations and are replaced as a whole whenever they differ from what the
 * database has, so a migration never repeats them.
 */
export function routines(): readonly string[] {
  return [
    ...logRoutines(),
    ...entities.flatMap((entity) =>
      entity.nature === "append" ? [appendRoutine(entity)] : stateRoutines(entity),
    ),
  ];
}
