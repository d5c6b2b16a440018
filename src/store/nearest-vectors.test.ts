import fc from "fast-check";
import { expect, test } from "vitest";
import { createNearestVectors, NUMBER_BYTES } from "./nearest-vectors.js";

function sent(vector: readonly number[]): Buffer {
  const bytes = Buffer.alloc(vector.length * NUMBER_BYTES);
  for (const [i, number] of vector.entries()) bytes.writeFloatBE(number, i * NUMBER_BYTES);
  return bytes;
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
        const nearest = createNearestVectors<number>(wanted, limit, (a, b) => b - a);
        for (const [n, each] of vectors.entries()) nearest.add(sent(each), n);
        const likeness = (n: number) => cosine(wanted, vectors[n] ?? []);
        const expected = [...vectors.keys()]
          .filter((n) => !Number.isNaN(likeness(n)))
          .sort((a, b) => likeness(b) - likeness(a) || b - a);
        const best = nearest.best();
        expect(best).toHaveLength(Math.min(limit, expected.length));
        // Rounding may tell apart what is equally near.
        for (const [i, n] of best.entries()) expect(likeness(n)).toBeCloseTo(likeness(expected[i] ?? 0), 10);
        const first = createNearestVectors<number>(wanted, 1, (a, b) => b - a);
        for (let n = 0; n < 5; n += 1) first.add(sent(wanted), n);
        expect(first.best()).toEqual([4]);
      },
    ),
  );
});
