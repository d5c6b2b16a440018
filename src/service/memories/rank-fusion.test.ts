import { expect, test } from "vitest";
import { fuseRanks } from "./rank-fusion.js";

const NOW = 1_800_000_000_000_000n;
const age = { nowMicros: NOW, halfLifeMs: 1000 };
const none = { importance: 0, recency: 0, success: 0 };
const candidate = (id: string, more: object = {}) => ({
  method: "",
  id,
  importance: null,
  successScore: null,
  createMicros: NOW,
  ...more,
});

test("what two ways found outranks what one found first", () => {
  const lists = [
    { method: "A", weight: 1, candidates: ["x", "both"].map((id) => candidate(id)) },
    { method: "B", weight: 1, candidates: ["y", "both"].map((id) => candidate(id)) },
  ];
  const fused = fuseRanks(lists, none, age);
  expect(fused.map(({ id }) => id)).toEqual(["both", "x", "y"]);
  expect(fused[0]).toMatchObject({ methods: ["A", "B"], score: 2 / 62 });
});

test("recency halves with each half-life, and what is not known counts half", () => {
  const of = (createMicros: bigint, halfLifeMs = 1000) =>
    fuseRanks(
      [{ method: "A", weight: 61, candidates: [candidate("x", { createMicros })] }],
      { importance: 2, recency: 4, success: 0 },
      { nowMicros: NOW, halfLifeMs },
    )[0]?.score;
  expect(of(NOW)).toBeCloseTo(1 + 1 + 4);
  expect(of(NOW - 2_000_000n)).toBeCloseTo(1 + 1 + 1);
  expect(of(NOW + 5_000_000n)).toBeCloseTo(1 + 1 + 4);
  expect(of(NOW, 0)).toBeCloseTo(1 + 1);
});
