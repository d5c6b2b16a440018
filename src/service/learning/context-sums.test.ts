import fc from "fast-check";
import { expect, test } from "vitest";
import { contextSums } from "./context-sums.js";

const name = fc.constantFrom("a", "b", "a:b", "b:a", "a:b:a", "constructor", "a:constructor");
const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 0.1, 3));
const map = (value: fc.Arbitrary<number>) => fc.dictionary(name, value);

/** The same by looking for the weight of each feature for each candidate. */
function one(weights: Record<string, number>, context: Record<string, number>, action: string): number {
  let sum = 0;
  for (const [feature, value] of Object.entries(context)) {
    const found = [`${action}:${feature}`, feature].find((key) => Object.hasOwn(weights, key));
    const weight = found === undefined ? 0 : (weights[found] ?? 0);
    sum += value * (Number.isFinite(weight) ? weight : 0);
  }
  return sum;
}

test("each candidate's sum is that of its own weights, else of those of any action", async () => {
  await fc.assert(
    fc.asyncProperty(
      map(number),
      map(fc.double({ noNaN: true, noDefaultInfinity: true })),
      fc.uniqueArray(name),
      async (weights, context, candidates) => {
        const sumOf = await contextSums(weights, context, candidates);
        for (const action of candidates) expect(sumOf(action)).toBe(one(weights, context, action));
      },
    ),
  );
});

test("names with many colons keep others waiting for some of them at a time", async () => {
  const colons = ":".repeat(94);
  const weights = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${1e5 + i}${colons}`, 1]));
  let turns = 0;
  await contextSums(weights, { a: 1 }, ["100001"], async () => {
    turns += 1;
  });
  expect(turns).toBeGreaterThan(50);
});
