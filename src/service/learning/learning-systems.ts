import {
  type LearningSystem,
  type RecordEpisodeRequest,
  RecordEpisodeRequestSchema,
} from "../../../gen/holdfast/v1/learning_system_pb.js";
import { invalidFields, notFound } from "../../core/errors.js";
import { MAX_COLLECTION_SIZE, MAX_ITEM_LENGTH, MAX_KEY_LENGTH } from "../../entities/column-values.js";
import type { MinPosition } from "../../store/read-min-position.js";
import type { Attribution } from "../prepared-entry.js";
import type { Records } from "../records.js";
import { averageOf, increment, withOutcome } from "./average.js";
import { goalScoresFromPayload, goalScoresPayload, withGoalOutcome } from "./goal-scores.js";
import { checkGoal, goalKey } from "./goal-words.js";
import { withHistory } from "./history.js";
import { type LearningContext, learn } from "./learn.js";
import { bestStrategies } from "./rank-strategies.js";
import { RequestCheck } from "./request-check.js";

/** Fewer episodes than this say little about a strategy. */
const BEST_SUPPORT = 3n;
/** What a reader of the record alone wants to see; ListBestStrategies gives any number. */
const BEST_COUNT = 10;

/** Adds one episode to what a learning system knows. @throws NOT_FOUND, INVALID_FIELD */
export function recordEpisode(
  context: LearningContext,
  tenantId: string,
  request: RecordEpisodeRequest,
  by: Attribution,
): Promise<LearningSystem> {
  const { score, steps, goal } = request;
  const strategy = request.strategy || steps.join("->");
  checkEpisode(request, strategy);
  const key = goal ? goalKey(goal) : "";
  const item = {
    time: new Date().toISOString(),
    strategy,
    score,
    ...(steps.length > 0 && { steps }),
    ...(key !== "" && { goal: key }),
  };
  return learn(context, tenantId, RecordEpisodeRequestSchema, request, by, (system: LearningSystem) => {
    const after = withOutcome(averageOf(system.strategyScores, system.strategyCounts, strategy), score);
    const learned = {
      strategyScores: { ...system.strategyScores, [strategy]: after.score },
      strategyCounts: { ...system.strategyCounts, [strategy]: after.count },
    };
    const best = bestStrategies(learned, BEST_SUPPORT, BEST_COUNT);
    return {
      ...learned,
      totalEpisodes: increment(system.totalEpisodes),
      history: withHistory(system.history, item),
      bestStrategies: best.map((each) => each.strategy),
      ...(key !== "" && { patternLibrary: patternLibrary(system, key, strategy, score) }),
    };
  });
}

function checkEpisode({ strategy, score, steps, goal }: RecordEpisodeRequest, named: string): void {
  const check = new RequestCheck();
  if (goal) checkGoal(check, goal);
  if (strategy === "" && steps.length > 0 && named.length > MAX_KEY_LENGTH) {
    check.refuse(
      "strategy",
      `expected a name, since the steps joined have more than ${MAX_KEY_LENGTH} characters`,
    );
  } else {
    check.name("strategy", named);
  }
  check.range("score", score, 0, 1);
  check.range("steps", steps.length, 0, MAX_COLLECTION_SIZE);
  for (const [i, step] of steps.entries()) check.length(`steps[${i}]`, step, MAX_ITEM_LENGTH);
  check.done();
}

function patternLibrary(system: LearningSystem, goal: string, strategy: string, score: number) {
  const goals = goalScoresFromPayload(system.patternLibrary);
  if (!goals) {
    const description = "expected pattern_library as RecordEpisode writes it, got a caller's own form";
    throw invalidFields([{ field: "goal", description }]);
  }
  return goalScoresPayload(withGoalOutcome(goals, goal, strategy, score));
}

/** What a learning system has learned. @throws NOT_FOUND, POSITION_IN_FUTURE, INVALID_FIELD */
export async function getLearned(
  systems: Records,
  tenantId: string,
  { id, minPosition, minPositionHash }: MinPosition & { readonly id: string },
): Promise<LearningSystem> {
  const record = await systems.get(tenantId, {
    key: { case: "id", value: id },
    minPosition,
    minPositionHash,
  });
  if (record.deleteTime !== undefined) throw notFound("learning_system", id);
  return record as unknown as LearningSystem;
}
