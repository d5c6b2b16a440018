import {
  type ActionSelector,
  type MergeActionSelectorRequest,
  MergeActionSelectorRequestSchema,
  type RecordOutcomeRequest,
  RecordOutcomeRequestSchema,
} from "../../../gen/holdfast/v1/action_selector_pb.js";
import { invalidFields } from "../../core/errors.js";
import type { Attribution } from "../prepared-entry.js";
import { averageOf, mergeAverages, withOutcome } from "./average.js";
import { goalScoresFromPayload, goalScoresPayload, withGoalOutcome } from "./goal-scores.js";
import { withHistory } from "./history.js";
import { type LearningContext, learn } from "./learn.js";
import { RequestCheck } from "./request-check.js";

/** Adds one outcome of an action to what a selector knows. @throws NOT_FOUND, INVALID_FIELD */
export function recordOutcome(
  context: LearningContext,
  tenantId: string,
  request: RecordOutcomeRequest,
  by: Attribution,
): Promise<ActionSelector> {
  const { action, score, goalType, decisionId } = request;
  const check = new RequestCheck();
  check.name("action", action);
  check.range("score", score, 0, 1);
  if (goalType !== "") check.name("goal_type", goalType);
  check.reference("decision_id", decisionId);
  check.done();
  const item = {
    time: new Date().toISOString(),
    action,
    score,
    ...(goalType !== "" && { goal_type: goalType }),
    ...(decisionId !== "" && { decision_id: decisionId.toLowerCase() }),
  };
  return learn(context, tenantId, RecordOutcomeRequestSchema, request, by, (selector: ActionSelector) => {
    const before = averageOf(selector.actionScores, selector.actionCounts, action);
    const after = withOutcome(before, score, selector.learningRate);
    return {
      actionScores: { ...selector.actionScores, [action]: after.score },
      actionCounts: { ...selector.actionCounts, [action]: after.count },
      actionHistory: withHistory(selector.actionHistory, item),
      ...(goalType !== "" && { goalPatterns: goalPatterns(selector, request) }),
    };
  });
}

function goalPatterns(selector: ActionSelector, { goalType, action, score }: RecordOutcomeRequest) {
  const goals = goalScoresFromPayload(selector.goalPatterns);
  if (!goals) {
    const description = "expected goal_patterns as RecordOutcome writes it, got a caller's own form";
    throw invalidFields([{ field: "goal_type", description }]);
  }
  return goalScoresPayload(withGoalOutcome(goals, goalType, action, score, selector.learningRate));
}

/** Adds averages and counts learned elsewhere to those of a selector. @throws NOT_FOUND, INVALID_FIELD */
export function mergeActionSelector(
  context: LearningContext,
  tenantId: string,
  request: MergeActionSelectorRequest,
  by: Attribution,
): Promise<ActionSelector> {
  const learned = learnedElsewhere(request);
  return learn(
    context,
    tenantId,
    MergeActionSelectorRequestSchema,
    request,
    by,
    (selector: ActionSelector) => {
      const merged = learned.map(([action, average]) => {
        const before = averageOf(selector.actionScores, selector.actionCounts, action);
        return [action, mergeAverages(before, average)] as const;
      });
      return {
        actionScores: { ...selector.actionScores, ...from(merged, ({ score }) => score) },
        actionCounts: { ...selector.actionCounts, ...from(merged, ({ count }) => count) },
      };
    },
  );
}

function learnedElsewhere({ actionScores, actionCounts }: MergeActionSelectorRequest) {
  const check = new RequestCheck();
  const actions = Object.keys(actionScores);
  if (actions.length === 0) check.refuse("action_scores", "expected at least one score, got none");
  const learned = actions.map((action) => {
    const given = averageOf(actionScores, actionCounts, action);
    const score = given?.score ?? Number.NaN;
    const count = Object.hasOwn(actionCounts, action) ? (given?.count ?? 1n) : 1n;
    check.name("action_scores", action);
    check.range(`action_scores[${JSON.stringify(action)}]`, score, 0, 1);
    const field = `action_counts[${JSON.stringify(action)}]`;
    check.range(field, Number(count), 1, Number.MAX_SAFE_INTEGER);
    return [action, { score, count }] as const;
  });
  for (const action of Object.keys(actionCounts)) {
    if (Object.hasOwn(actionScores, action)) continue;
    check.refuse(`action_counts[${JSON.stringify(action)}]`, "expected a score for it too, got none");
  }
  check.done();
  return learned;
}

function from<A, V>(entries: readonly (readonly [string, A])[], value: (item: A) => V): Record<string, V> {
  return Object.fromEntries(entries.map(([name, item]) => [name, value(item)]));
}
