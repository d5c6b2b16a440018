import type { EntityDeclaration } from "../entities/declaration.js";
import { appendRoutine } from "./routines/append-routine.js";
import { commitBarrierRoutine } from "./routines/commit-barrier-routine.js";
import { containingRoutine } from "./routines/containing-routine.js";
import { blockedDependentsRoutine } from "./routines/goal-routines.js";
import { heartbeatRoutine } from "./routines/heartbeat-routine.js";
import { importRoutines, withdrawRoutine } from "./routines/import-routines.js";
import { likeWordsRoutine } from "./routines/like-words-routine.js";
import { logRoutines } from "./routines/log-routines.js";
import { memoryTextRoutines } from "./routines/memory-text-routine.js";
import { memoryUpkeepRoutines } from "./routines/memory-upkeep-routines.js";
import { memoryVectorRoutines } from "./routines/memory-vector-routine.js";
import { stateRoutines } from "./routines/state-routines.js";

/**
 * The functions of schema `holdfast`, as SQL. They follow from the entity
 * declarations and are replaced as a whole whenever they differ from what the
 * database has, so a migration never repeats them.
 */
export function routines(entities: readonly EntityDeclaration[]): readonly string[] {
  return [
    ...logRoutines(),
    heartbeatRoutine,
    commitBarrierRoutine,
    ...importRoutines,
    containingRoutine,
    blockedDependentsRoutine,
    ...memoryUpkeepRoutines,
    likeWordsRoutine,
    ...memoryTextRoutines,
    ...memoryVectorRoutines,
    ...entities.flatMap(entityRoutines),
  ];
}

/** Those that write the rows of one entity. */
export function entityRoutines(entity: EntityDeclaration): readonly string[] {
  return entity.nature === "append"
    ? [appendRoutine(entity), withdrawRoutine(entity)]
    : stateRoutines(entity);
}
