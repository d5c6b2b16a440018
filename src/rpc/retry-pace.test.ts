import { expect, test } from "vitest";
import { RetryPace } from "./retry-pace.js";

/** The delays told in so many seconds, each with so many admitted and refused. */
function delays(pace: RetryPace, clock: { ms: number }, seconds: number, admitted: number, refused: number) {
  return Array.from({ length: seconds }, () => {
    clock.ms += 1000;
    for (let n = 0; n < admitted; n += 1) pace.admitted();
    let delay = 0;
    for (let n = 0; n < refused; n += 1) delay = pace.refused();
    return delay;
  });
}

test("the more are refused the later they are told to come, and sooner again when fewer are", () => {
  const clock = { ms: 0 };
  const pace = new RetryPace(() => clock.ms);
  expect(pace.refused()).toBe(50);
  const more = delays(pace, clock, 10, 10, 30);
  expect(more).toEqual([...more].sort((a, b) => a - b));
  expect(more.at(-1)).toBe(1600);
  const fewer = delays(pace, clock, 10, 30, 10);
  expect(fewer).toEqual([...fewer].sort((a, b) => b - a));
  expect(fewer.at(-1)).toBe(50);
});
