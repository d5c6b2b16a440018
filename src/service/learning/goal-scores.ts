import type { Payload } from "../../../gen/holdfast/v1/payload_pb.js";
import { type Average, withOutcome } from "./average.js";
import { jsonFromPayload, jsonPayload } from "./json-payload.js";

/** What worked for one kind of goal. */
export interface GoalScores {
  readonly goal: string;
  readonly scores: ReadonlyMap<string, Average>;
}

/** Kinds of goal that are kept; past it the one met longest ago is forgotten. */
const MAX_GOALS = 100;
/** Things kept for each; past it the one tried least is forgotten. Together under 300 kB at worst. */
const MAX_SCORES = 20;

/** Reads what `goalScoresPayload` wrote; undefined for anything else. */
export function goalScoresFromPayload(payload: Payload | undefined): readonly GoalScores[] | undefined {
  if (!payload) return [];
  const list = jsonFromPayload(payload)?.value;
  if (!Array.isArray(list)) return undefined;
  const read = list.map(goalScores);
  return read.every((item) => item !== undefined) ? read : undefined;
}

export function goalScoresPayload(list: readonly GoalScores[]): Payload {
  const items = list.map(({ goal, scores }) => ({
    goal,
    scores: Object.fromEntries(
      [...scores].map(([name, { score, count }]) => [name, { score, count: Number(count) }]),
    ),
  }));
  return jsonPayload(JSON.stringify(items));
}

/** The list with one more outcome of `name` for a kind of goal, which moves to the end. */
export function withGoalOutcome(
  list: readonly GoalScores[],
  goal: string,
  name: string,
  score: number,
  learningRate?: number,
): readonly GoalScores[] {
  const before = list.find((item) => item.goal === goal)?.scores ?? new Map<string, Average>();
  const after = new Map(before).set(name, withOutcome(before.get(name), score, learningRate));
  if (after.size > MAX_SCORES) after.delete(leastTried(after, name));
  return [...list.filter((item) => item.goal !== goal), { goal, scores: after }].slice(-MAX_GOALS);
}

function leastTried(scores: ReadonlyMap<string, Average>, except: string): string {
  return [...scores]
    .filter(([name]) => name !== except)
    .reduce((least, each) => (each[1].count < least[1].count ? each : least))[0];
}

function goalScores(item: unknown): GoalScores | undefined {
  if (!isObject(item) || typeof item.goal !== "string" || !isObject(item.scores)) return undefined;
  const scores = new Map<string, Average>();
  for (const [name, average] of Object.entries(item.scores)) {
    if (!isObject(average)) return undefined;
    const { score, count } = average;
    if (typeof score !== "number" || !Number.isSafeInteger(count)) return undefined;
    scores.set(name, { score, count: BigInt(count as number) });
  }
  return { goal: item.goal, scores };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
