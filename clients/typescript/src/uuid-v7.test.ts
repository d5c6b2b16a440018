import { expect, test } from "vitest";
import { createUuidV7Source } from "./uuid-v7.js";

test("ids are version 7, different, and increase, also when the clock stands still or goes back", () => {
  const times = [1_700_000_000_000, 1_700_000_000_000, 1_600_000_000_000];
  let calls = 0;
  const next = createUuidV7Source(() => times[Math.min(calls++, 2)] as number);
  const ids = Array.from({ length: 20_000 }, next);
  expect(ids[0]?.slice(0, 19)).toBe("018bcfe5-6800-7000-");
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});
