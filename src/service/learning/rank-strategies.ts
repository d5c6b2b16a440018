import type { LearningGoal, LearningSystem } from "../../../gen/holdfast/v1/learning_system_pb.js";
import { averageOf } from "./average.js";
import { goalScoresFromPayload } from "./goal-scores.js";
import { goalWords, likeness } from "./goal-words.js";

/** How well a strategy did over all its episodes. */
export interface StrategyScore {
  readonly strategy: string;
  readonly score: number;
  readonly support: bigint;
}

export interface StrategySuggestion extends StrategyScore {
  readonly expected: number;
  readonly goalSupport: bigint;
}

type Learned = Pick<LearningSystem, "strategyScores" | "strategyCounts" | "patternLibrary">;

/** Strategies with at least this support, by score, then support, then name. */
export function bestStrategies(
  learned: Pick<Learned, "strategyScores" | "strategyCounts">,
  minSupport: bigint,
  limit: number,
): readonly StrategyScore[] {
  return allStrategies(learned)
    .filter(({ support }) => support >= minSupport)
    .sort((a, b) => b.score - a.score || byCount(b.support, a.support) || byName(a.strategy, b.strategy))
    .slice(0, limit);
}

/** What is thought of a strategy of which nothing is known: neither good nor bad. */
const UNKNOWN_SCORE = 0.5;

/** Strategies for a goal, by what is expected of them as `StrategySuggestion` of the proto says. */
export function suggestStrategies(
  learned: Learned,
  goal: LearningGoal,
  limit: number,
): readonly StrategySuggestion[] {
  const evidence = evidenceFor(learned, goal);
  return allStrategies(learned)
    .map((overall): StrategySuggestion => {
      const { weight, sum, support } = evidence.get(overall.strategy) ?? NO_EVIDENCE;
      const count = Number(overall.support);
      const prior = (overall.score * count + UNKNOWN_SCORE) / (count + 1);
      return { ...overall, expected: (sum + prior) / (weight + 1), goalSupport: support };
    })
    .sort(
      (a, b) =>
        b.expected - a.expected ||
        byCount(b.goalSupport, a.goalSupport) ||
        byCount(b.support, a.support) ||
        byName(a.strategy, b.strategy),
    )
    .slice(0, limit);
}

interface Evidence {
  readonly weight: number;
  readonly sum: number;
  readonly support: bigint;
}

const NO_EVIDENCE: Evidence = { weight: 0, sum: 0, support: 0n };

function evidenceFor({ patternLibrary }: Learned, goal: LearningGoal): ReadonlyMap<string, Evidence> {
  const words = goalWords(goal);
  const evidence = new Map<string, Evidence>();
  for (const { goal: key, scores } of goalScoresFromPayload(patternLibrary) ?? []) {
    const share = likeness(key, words);
    if (share === 0) continue;
    for (const [strategy, { score, count }] of scores) {
      const before = evidence.get(strategy) ?? NO_EVIDENCE;
      const weight = share * Number(count);
      evidence.set(strategy, {
        weight: before.weight + weight,
        sum: before.sum + weight * score,
        support: before.support + count,
      });
    }
  }
  return evidence;
}

function allStrategies(learned: Pick<Learned, "strategyScores" | "strategyCounts">): StrategyScore[] {
  return Object.keys(learned.strategyScores).flatMap((strategy) => {
    const average = averageOf(learned.strategyScores, learned.strategyCounts, strategy);
    // What a caller wrote there may be no number.
    if (!average || Number.isNaN(average.score)) return [];
    return [{ strategy, score: average.score, support: average.count }];
  });
}

function byCount(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}
