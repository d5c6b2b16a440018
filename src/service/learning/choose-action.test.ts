import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  type ActionSelector,
  ActionSelectorSchema,
  SelectionStrategy,
} from "../../../gen/holdfast/v1/action_selector_pb.js";
import { type ChoiceRequest, chooseAction } from "./choose-action.js";
import { contextSums } from "./context-sums.js";
import { goalScoresPayload } from "./goal-scores.js";
import { sampleBeta, seededRandom } from "./random.js";

const learned = create(ActionSelectorSchema, {
  actionScores: { good: 0.8, bad: 0.2 },
  actionCounts: { good: 40n, bad: 40n },
  epsilon: 0,
});

const CANDIDATES = ["bad", "good"];

function choose(
  selector: ActionSelector,
  request: Partial<ChoiceRequest> = {},
  { seed = "1", weighed = (_action: string): number => 0 } = {},
) {
  const given = { candidates: CANDIDATES, strategy: 0, goalType: "", ...request };
  return chooseAction(selector, given, weighed, seededRandom(seed));
}

/** The share of choices over many seeds. */
function shareOf(action: string, selector: ActionSelector, request: Partial<ChoiceRequest>): number {
  const runs = 4000;
  const chosen = Array.from(
    { length: runs },
    (_, i) => choose(selector, request, { seed: `seed ${i}` }).chosen.action,
  );
  return chosen.filter((each) => each === action).length / runs;
}

describe("chance from a seed", () => {
  test("repeats itself and is spread evenly", () => {
    const [one, other] = [seededRandom("x"), seededRandom("x")];
    const numbers = Array.from({ length: 20_000 }, () => one());
    expect(numbers.slice(0, 5)).toEqual([other(), other(), other(), other(), other()]);
    expect(numbers.reduce((a, b) => a + b) / numbers.length).toBeCloseTo(0.5, 1);
    expect(numbers.filter((n) => n < 0.1).length / numbers.length).toBeCloseTo(0.1, 1);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(seededRandom("y")()).not.toBe(numbers[0]);
  });

  test("gives Beta samples with the mean and variance of Beta", () => {
    const random = seededRandom("beta");
    const samples = Array.from({ length: 20_000 }, () => sampleBeta(3, 9, random));
    const mean = samples.reduce((a, b) => a + b) / samples.length;
    const variance = samples.reduce((sum, each) => sum + (each - mean) ** 2, 0) / samples.length;
    expect(mean).toBeCloseTo(0.25, 2);
    expect(variance).toBeCloseTo(27 / (144 * 13), 3);
  });
});

describe("choosing an action", () => {
  test("takes what did best, and epsilon of the time anything", () => {
    expect(choose(learned)).toMatchObject({ chosen: { action: "good", score: 0.8 }, explored: false });
    expect(shareOf("bad", create(ActionSelectorSchema, { ...learned, epsilon: 0.4 }), {})).toBeCloseTo(
      0.2,
      1,
    );
    const unset = create(ActionSelectorSchema, { actionScores: learned.actionScores });
    expect(shareOf("bad", unset, {})).toBeCloseTo(0.05, 1);
  });

  test("by UCB1 tries the untried first and then what is uncertain", () => {
    const request = { strategy: SelectionStrategy.UCB1, candidates: ["good", "new"] };
    expect(choose(learned, request).chosen).toMatchObject({ action: "new", score: Number.POSITIVE_INFINITY });
    const rare = create(ActionSelectorSchema, {
      actionScores: { good: 0.8, rare: 0.7 },
      actionCounts: { good: 1000n, rare: 2n },
    });
    const { chosen, scores } = choose(rare, { ...request, candidates: ["good", "rare"] });
    expect(chosen.action).toBe("rare");
    expect(scores[0]?.score).toBeCloseTo(0.8 + Math.sqrt((2 * Math.log(1002)) / 1000), 12);
  });

  test("by Thompson sampling mostly takes what did best, and more so the surer it is", () => {
    const strategy = SelectionStrategy.THOMPSON;
    const unsure = create(ActionSelectorSchema, { ...learned, actionCounts: { good: 2n, bad: 2n } });
    const [few, many] = [unsure, learned].map((selector) => shareOf("good", selector, { strategy }));
    expect(few).toBeGreaterThan(0.6);
    expect(few).toBeLessThan(0.95);
    expect(many).toBeGreaterThan(0.99);
  });

  test("weighs the context, an action's own weight before the one for all", async () => {
    const contextWeights = { "bad:rain": 1, rain: 0.1, "good:sun": 9 };
    const selector = create(ActionSelectorSchema, { ...learned, contextWeights });
    const weighed = await contextSums(selector.contextWeights, { rain: 0.8, wind: 5 }, CANDIDATES);
    const { chosen, scores } = choose(selector, {}, { weighed });
    expect(chosen).toMatchObject({ action: "bad" });
    expect(scores.map(({ expected }) => expected)).toEqual([0.2 + 0.8, 0.8 + 0.8 * 0.1]);
  });

  test("lets what is known of a kind of goal outweigh the average", () => {
    const scores = new Map([["bad", { score: 1, count: 9n }]]);
    const selector = create(ActionSelectorSchema, {
      ...learned,
      goalPatterns: goalScoresPayload([{ goal: "book flight", scores }]),
    });
    expect(choose(selector, { goalType: "book flight" }).chosen).toMatchObject({ action: "bad" });
    expect(choose(selector, { goalType: "book flight" }).chosen.expected).toBeCloseTo(0.92, 12);
    expect(choose(selector, { goalType: "another" }).chosen).toMatchObject({ action: "good" });
  });

  test("breaks ties by chance and takes numbers that are none for unknown", () => {
    const empty = create(ActionSelectorSchema, { epsilon: 0, actionScores: { bad: Number.NaN } });
    expect(shareOf("good", empty, {})).toBeCloseTo(0.5, 1);
    expect(choose(empty).scores.map(({ expected }) => expected)).toEqual([0.5, 0.5]);
  });
});
