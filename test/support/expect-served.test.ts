import { expect, test } from "vitest";
import { expectServed } from "./expect-served.js";
import type { ModestRound } from "./modest-caller.js";

const rounds = (count: number, ms: number): ModestRound[] =>
  Array.from({ length: count }, () => ({ appendMs: ms, livezMs: 1 }));
/** Of two seconds; it allows 1300 ms. */
const control = rounds(60, 30);

test("a pause of the machine in a minute of abuse is not the server's", () => {
  expectServed(control, [...rounds(2000, 30), ...rounds(1, 1319)]);
  expectServed(control, rounds(10, 1000));
});

test.each([
  ["one stop of two seconds in two seconds", [...rounds(10, 5), ...rounds(1, 2000)]],
  ["one stop of ten seconds in a minute", [...rounds(2000, 25), ...rounds(1, 10_000)]],
  ["calls that all take two seconds", rounds(30, 2000)],
  ["a call that fails", [...rounds(100, 5), { error: "UNAVAILABLE" }]],
])("%s is found", (_name, abused: readonly ModestRound[]) => {
  expect(() => expectServed(control, abused)).toThrow();
});

test("a control that fails is found", () => {
  expect(() => expectServed([...control, { error: "UNAVAILABLE" }], rounds(10, 5))).toThrow("of the control");
});
