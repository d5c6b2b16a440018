import { type ActionSelector, SelectionStrategy } from "../../../gen/holdfast/v1/action_selector_pb.js";
import { type Average, averageOf } from "./average.js";
import { goalScoresFromPayload } from "./goal-scores.js";
import { type Random, sampleBeta } from "./random.js";

/** What is thought of an action of which nothing is known: neither good nor bad. */
const UNKNOWN_SCORE = 0.5;
/** One choice in ten tries something else, the common start for epsilon-greedy. */
const DEFAULT_EPSILON = 0.1;

export interface ChoiceRequest {
  readonly candidates: readonly string[];
  readonly strategy: SelectionStrategy;
  readonly goalType: string;
}

export interface CandidateScore {
  readonly action: string;
  readonly score: number;
  readonly expected: number;
  readonly count: bigint;
}

export interface Choice {
  readonly chosen: CandidateScore;
  /** In the order of the candidates. */
  readonly scores: readonly CandidateScore[];
  readonly explored: boolean;
}

/**
 * Scores the candidates as `SelectionStrategy` says and chooses one. The same
 * selector, request and random numbers give the same choice.
 *
 * @param weighed what the context adds to the expectation of a candidate, see `contextSums`
 */
export function chooseAction(
  selector: ActionSelector,
  request: ChoiceRequest,
  weighed: (action: string) => number,
  random: Random,
): Choice {
  const { candidates, goalType } = request;
  const patterns = goalType === "" ? undefined : patternsOf(selector, goalType);
  const known = candidates.map((action) =>
    knowledge(selector, action, patterns?.get(action), weighed(action)),
  );
  const tries = known.reduce((sum, { count }) => sum + Number(count), 0);
  const scores = known.map(({ action, average, count, expectedFrom }): CandidateScore => {
    const expected = expectedFrom(average);
    switch (request.strategy) {
      case SelectionStrategy.UCB1: {
        const unsure =
          count === 0n ? Number.POSITIVE_INFINITY : Math.sqrt((2 * Math.log(tries)) / Number(count));
        return { action, expected, count, score: expected + unsure };
      }
      case SelectionStrategy.THOMPSON: {
        const successes = average * Number(count);
        const sample = sampleBeta(1 + successes, 1 + Number(count) - successes, random);
        return { action, expected, count, score: expectedFrom(sample) };
      }
      default:
        return { action, expected, count, score: expected };
    }
  });
  const isGreedy = request.strategy <= SelectionStrategy.EPSILON_GREEDY;
  const explored = isGreedy && random() < (selector.epsilon ?? DEFAULT_EPSILON);
  const highest = scores.reduce((most, { score }) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const eligible = explored ? scores : scores.filter(({ score }) => score === highest);
  const chosen = eligible[Math.floor(random() * eligible.length)];
  if (!chosen) throw new RangeError("there is no candidate to choose");
  return { chosen, scores, explored };
}

interface Knowledge {
  readonly action: string;
  readonly count: bigint;
  /** Within 0 to 1. */
  readonly average: number;
  /** What is expected of the action, given what its average is taken to be. */
  expectedFrom(average: number): number;
}

function knowledge(
  selector: ActionSelector,
  action: string,
  pattern: Average | undefined,
  weighed: number,
): Knowledge {
  const given = averageOf(selector.actionScores, selector.actionCounts, action);
  const average =
    given && Number.isFinite(given.score) ? Math.min(Math.max(given.score, 0), 1) : UNKNOWN_SCORE;
  const tries = Math.max(Number(pattern?.count ?? 0n), 0);
  return {
    action,
    average,
    count: given && given.count > 0n ? given.count : 0n,
    expectedFrom: (assumed) =>
      (pattern ? (pattern.score * tries + assumed) / (tries + 1) : assumed) + weighed,
  };
}

/** What worked for this kind of goal, by action. */
function patternsOf(selector: ActionSelector, goalType: string): ReadonlyMap<string, Average> | undefined {
  const goals = goalScoresFromPayload(selector.goalPatterns) ?? [];
  return goals.find(({ goal }) => goal === goalType)?.scores;
}
