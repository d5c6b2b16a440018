import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Course, judgeCourses } from "../soak/judge.js";
import { LIMITS } from "../soak/limits.js";
import type { Sample } from "../soak/sample.js";
import { trend } from "../soak/trend.js";

const EVERY_MS = 5_000;
const HALF_AN_HOUR = 360;
const EVERY_HOURS = EVERY_MS / 3_600_000;

const look = (i: number, value: number, figure: string): Sample => ({
  atMs: i * EVERY_MS,
  of: { server: { [figure]: value } },
  resources: [],
});

/** A run in which one figure takes these values, each with a little noise. */
function judged(
  figure: string,
  valueAt: (i: number) => number,
  rest: [before: number, after: number],
): Course {
  const noise = (i: number) => Math.sin(i * 12.9898) * 2;
  const during = Array.from({ length: HALF_AN_HOUR }, (_, i) => look(i, valueAt(i) + noise(i), figure));
  const [course] = judgeCourses({
    before: look(0, rest[0], figure),
    during,
    after: look(HALF_AN_HOUR, rest[1], figure),
  });
  return course as Course;
}

describe("a soak", () => {
  test("of what stays as it is finds nothing", () => {
    for (const figure of Object.keys(LIMITS)) {
      expect(judged(figure, () => 50, [20, 20]).leak, figure).toBeUndefined();
    }
  });

  test("finds a heap that grows by 100 bytes with each of 300 calls a second", () => {
    const leaked = (i: number) => (i * EVERY_MS * 0.3 * 100) / 2 ** 20;
    expect(judged("heap MiB", (i) => 50 + leaked(i), [30, 30]).leak).toMatch(/grows by/);
  });

  test("does not take what fills at first, and single spikes, for a leak", () => {
    const filling = (i: number) => (i < 30 ? i : 30) + (i % 40 === 0 ? 100 : 0);
    expect(judged("heap MiB", (i) => 50 + filling(i), [30, 30]).leak).toBeUndefined();
  });

  test("finds what is held when nobody is there any more, whatever it was under load", () => {
    expect(judged("handles", () => 50, [15, 18]).leak).toMatch(/holds 18\.0 for nobody, 15\.0 before/);
    expect(judged("open files", () => 50, [15, 17]).leak).toBeUndefined();
  });

  test("asks for a limit of whatever is looked at", () => {
    expect(() => judged("what nobody knows", () => 1, [1, 1])).toThrow(
      /expected a limit of what nobody knows/,
    );
  });

  test("finds a slope through any noise of less than a quarter of the points", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -50, max: 50 }),
        fc.uniqueArray(fc.nat(39), { maxLength: 9 }),
        fc.integer({ min: 1, max: 1e6 }),
        (slope, outliers, height) => {
          const points = Array.from({ length: 40 }, (_, i) => {
            const at = i * EVERY_HOURS;
            return [at, slope * at + (outliers.includes(i) ? height : 0)] as const;
          });
          expect(trend(points)).toBeCloseTo(slope, 3);
        },
      ),
    );
  });

  test("of a moment has no trend", () => {
    expect(trend([[1, 5]])).toBe(0);
  });
});
