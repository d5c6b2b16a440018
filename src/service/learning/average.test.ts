import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Average, averageOf, mergeAverages, withOutcome } from "./average.js";

const score = fc.double({ min: 0, max: 1, noNaN: true });

function averageOver(scores: readonly number[], learningRate?: number): Average | undefined {
  return scores.reduce<Average | undefined>(
    (average, each) => withOutcome(average, each, learningRate),
    undefined,
  );
}

describe("an average", () => {
  test("is the mean of its outcomes and stays within 0 and 1", () => {
    fc.assert(
      fc.property(fc.array(score, { minLength: 1, maxLength: 200 }), (scores) => {
        const average = averageOver(scores);
        expect(average?.count).toBe(BigInt(scores.length));
        expect(average?.score).toBeCloseTo(scores.reduce((a, b) => a + b) / scores.length, 12);
        expect(average?.score).toBeGreaterThanOrEqual(0);
        expect(average?.score).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("moves by the learning rate towards each outcome", () => {
    expect(averageOver([1, 0, 0.5], 0.5)).toEqual({ score: 0.5, count: 3n });
    expect(averageOver([0.25, 1], 1)).toEqual({ score: 1, count: 2n });
    expect(averageOver([0.25, 1], 0)).toEqual({ score: 0.25, count: 2n });
  });

  test("replaces a first guess, which has no count", () => {
    const guess = averageOf({ a: 0.9 }, {}, "a");
    expect(guess).toEqual({ score: 0.9, count: 0n });
    expect(withOutcome(guess, 0.2, 0.1)).toEqual({ score: 0.2, count: 1n });
  });

  test("merged with another is the mean of the outcomes of both", () => {
    const some = fc.array(score, { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(some, some, (one, other) => {
        const merged = mergeAverages(averageOver(one), averageOver(other) as Average);
        const whole = averageOver([...one, ...other]);
        expect(merged.count).toBe(whole?.count);
        expect(merged.score).toBeCloseTo(whole?.score ?? -1, 12);
      }),
    );
  });

  test("is of the thing named, even one named like what every object has", () => {
    expect(averageOf({}, {}, "constructor")).toBeUndefined();
    const scores = JSON.parse('{"__proto__": 0.5}');
    expect(averageOf(scores, {}, "__proto__")).toEqual({ score: 0.5, count: 0n });
  });

  test("counts no further than a column holds", () => {
    expect(withOutcome({ score: 0.5, count: 2n ** 63n - 1n }, 1).count).toBe(2n ** 63n - 1n);
  });
});
