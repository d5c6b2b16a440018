import { expect, test } from "vitest";
import { finish, finishInTurns, type Steps } from "./steps.js";

/** Each step holds the event loop for at least so many milliseconds. */
function* work(steps: number, stepMs: number): Steps<number> {
  for (let i = 0; i < steps; i += 1) {
    for (const from = performance.now(); performance.now() - from < stepMs; );
    yield;
  }
  return steps;
}

test("long work has a turn after each few milliseconds, and ends with its result", async () => {
  let turns = 0;
  const turn = async () => {
    turns += 1;
  };
  expect(await finishInTurns(work(5, 10), turn)).toBe(5);
  expect(turns).toBe(5);
  expect(finish(work(3, 0))).toBe(3);
});

test("work whose turn fails is given up with that failure", async () => {
  let steps = 0;
  const counted = function* (): Steps<void> {
    for (const _ of work(5, 10)) {
      steps += 1;
      yield;
    }
  };
  await expect(finishInTurns(counted(), () => Promise.reject(new Error("lost")))).rejects.toThrow("lost");
  expect(steps).toBe(1);
});
