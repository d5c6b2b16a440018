import { expect, test } from "vitest";
import { ConfigError, readConfig } from "../config.js";

/** Milliseconds of three weeks. */
const LONGEST_MS = 21 * 24 * 60 * 60 * 1000;

test("a duration that no timer can keep is refused, with the longest there may be", () => {
  expect(() => readConfig({ HOLDFAST_POLL_INTERVAL_MS: "2147483647" })).toThrow(
    new ConfigError(
      `HOLDFAST_POLL_INTERVAL_MS: expected a whole number from 0 to ${LONGEST_MS}, got "2147483647"`,
    ),
  );
  expect(readConfig({ HOLDFAST_POLL_INTERVAL_MS: String(LONGEST_MS) }).pollIntervalMs).toBe(LONGEST_MS);
});

test("no heavy calls at a time are refused: they would wait for ever", () => {
  expect(() => readConfig({ HOLDFAST_MAX_HEAVY_CALLS: "0" })).toThrow(
    'HOLDFAST_MAX_HEAVY_CALLS: expected a whole number from 1 to 2147483647, got "0"',
  );
});
