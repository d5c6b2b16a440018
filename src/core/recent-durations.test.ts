import { describe, expect, test } from "vitest";
import { RecentDurations } from "./recent-durations.js";

describe("recent durations", () => {
  test("have no quantile while there are none", () => {
    const durations = new RecentDurations();
    expect(durations.count).toBe(0);
    expect(durations.quantile(0.5)).toBeUndefined();
  });

  test("give quantiles to about 10 %", () => {
    const durations = new RecentDurations();
    for (let ms = 1; ms <= 1000; ms += 1) durations.add(ms / 1000);
    for (const share of [0.1, 0.5, 0.99]) {
      const quantile = durations.quantile(share) ?? 0;
      expect(Math.abs(quantile / share - 1), `p${share * 100} is ${quantile}`).toBeLessThan(0.11);
    }
  });

  test("take any number, however short or long", () => {
    const durations = new RecentDurations();
    for (const seconds of [0, 1e-9, 1e9]) durations.add(seconds);
    expect(durations.count).toBe(3);
    expect(durations.quantile(1)).toBeGreaterThan(40);
  });

  test("are forgotten after a minute", () => {
    let nowMs = 0;
    const durations = new RecentDurations(() => nowMs);
    durations.add(1);
    nowMs = 30_000;
    durations.add(0.001);
    expect(durations.count).toBe(2);
    nowMs = 65_000;
    expect(durations.count).toBe(1);
    expect(durations.quantile(0.99)).toBeLessThan(0.0012);
    nowMs = 100_000;
    expect(durations.count).toBe(0);
  });
});
