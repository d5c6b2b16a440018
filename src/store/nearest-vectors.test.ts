import fc from "fast-check";
import { expect, test } from "vitest";
import { compareVectors, NUMBER_BYTES } from "./compare-vectors-task.js";
import { createNearestVectors } from "./nearest-vectors.js";

function sent(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * NUMBER_BYTES);
  for (const [i, number] of vector.entries()) bytes.writeFloatBE(number, i * NUMBER_BYTES);
  return bytes.toString("hex");
}

/** The indexes of the nearest, compared a page at a time. */
function nearest(
  wanted: readonly number[],
  vectors: readonly (readonly number[])[],
  limit: number,
  page = 7,
) {
  const kept = createNearestVectors<number>(limit, (a, b) => b - a);
  for (let from = 0; from < vectors.length; from += page) {
    const { indexes, likenesses } = compareVectors({
      wanted: Float32Array.from(wanted),
      vectors: vectors.slice(from, from + page).map(sent),
      least: kept.least,
    });
    for (const [i, index] of indexes.entries()) kept.add(likenesses[i] ?? Number.NaN, from + index);
  }
  return kept.best();
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

const small = fc.integer({ min: -3, max: 3 });
const vector = fc.array(small, { minLength: 3, maxLength: 3 });

test("keeps the nearest, equal ones in the order asked for, and none of zeroes", () => {
  fc.assert(
    fc.property(
      vector.filter((v) => v.some((n) => n !== 0)),
      fc.array(vector, { maxLength: 40 }),
      fc.integer({ min: 1, max: 12 }),
      (wanted, vectors, limit) => {
        const likeness = (n: number) => cosine(wanted, vectors[n] ?? []);
        const expected = [...vectors.keys()]
          .filter((n) => !Number.isNaN(likeness(n)))
          .sort((a, b) => likeness(b) - likeness(a) || b - a);
        const best = nearest(wanted, vectors, limit);
        expect(best).toHaveLength(Math.min(limit, expected.length));
        // Rounding may tell apart what is equally near.
        for (const [i, n] of best.entries()) expect(likeness(n)).toBeCloseTo(likeness(expected[i] ?? 0), 10);
        expect(nearest(wanted, Array(5).fill(wanted), 1, 2)).toEqual([4]);
      },
    ),
  );
});

test("a vector of another length is an error", () => {
  const page = { wanted: new Float32Array(3).fill(1), vectors: [sent([1, 2])], least: -1 };
  expect(() => compareVectors(page)).toThrow("expected 12 bytes of a vector, got 8");
});
