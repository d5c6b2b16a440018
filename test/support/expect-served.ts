import { expect } from "vitest";
import type { ModestRound } from "./modest-caller.js";

/** A round beside an abuse may take so many times as long as the slowest one of the control, */
const MAX_RATIO = 10;
/** and this many milliseconds more: on a machine that is busy with other things a pause of that length is nobody's fault. */
const SLACK_MS = 1000;
/**
 * What rounds take beyond that may add up to this part of the time beside the abuse. The control lasts two seconds, an
 * abuse up to a minute: it meets thirty times as many pauses of the machine, and the longest of many pauses is longer
 * than the longest of few. A server that is held up by an abuse loses far more of that time.
 */
const MAX_LOST_SHARE = 0.05;

/**
 * Expects the rounds of calls beside an abuse to be served, and about as soon as those of the control. Both calls of a
 * round are made at once; it takes as long as the slower one.
 */
export function expectServed(control: readonly ModestRound[], abused: readonly ModestRound[]): void {
  expect(control.flatMap(errors), "of the control").toEqual([]);
  expect(abused.flatMap(errors), "beside the abuse").toEqual([]);
  const slowest = Math.max(...control.flatMap(durations));
  const allowed = MAX_RATIO * slowest + SLACK_MS;
  const took = abused.flatMap(durations);
  const lost = sum(took.map((ms) => Math.max(0, ms - allowed)));
  const total = sum(took);
  const text = `part of ${total.toFixed(0)} ms lost by rounds of more than ${allowed.toFixed(0)} ms, the slowest of ${Math.max(
    ...took,
  ).toFixed(0)} ms; the slowest of the control took ${slowest.toFixed(1)} ms`;
  expect(lost / total, text).toBeLessThan(MAX_LOST_SHARE);
}

function errors(round: ModestRound): readonly string[] {
  return "error" in round ? [round.error] : [];
}

function durations(round: ModestRound): readonly number[] {
  return "error" in round ? [] : [Math.max(round.appendMs, round.livezMs)];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
