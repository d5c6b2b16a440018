import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { LearningGoalSchema } from "../../../gen/holdfast/v1/learning_system_pb.js";
import { uuidV5 } from "../../core/uuid.js";
import { goalScoresFromPayload, goalScoresPayload, withGoalOutcome } from "./goal-scores.js";
import { goalKey, goalWords, likeness } from "./goal-words.js";
import { MAX_HISTORY_ITEMS, withHistory } from "./history.js";
import { jsonPayload } from "./json-payload.js";

const text = (payload: { data: Uint8Array }) => Buffer.from(payload.data).toString("utf8");

describe("a history", () => {
  test("keeps the last items, those of a caller as they were written", () => {
    const given = jsonPayload('[ {"n": 9223372036854775809, "n": "]"} , 1.0]');
    expect(text(withHistory(given, { score: 1 }))).toBe(
      '[{"n": 9223372036854775809, "n": "]"},1.0,{"score":1}]',
    );
    let history = withHistory(undefined, { i: 0 });
    for (let i = 1; i <= MAX_HISTORY_ITEMS; i += 1) history = withHistory(history, { i });
    const items = JSON.parse(text(history));
    expect([items.length, items[0], items.at(-1)]).toEqual([
      MAX_HISTORY_ITEMS,
      { i: 1 },
      { i: MAX_HISTORY_ITEMS },
    ]);
  });

  test("leaves alone what is no JSON list", () => {
    for (const own of ['{"a": 1}', "NaN", "[1"]) expect(text(withHistory(jsonPayload(own), {}))).toBe(own);
  });
});

describe("scores by goal", () => {
  test("come back from their payload as they were", () => {
    let goals = withGoalOutcome([], "a", "x", 0.1);
    goals = withGoalOutcome(goals, "b", "__proto__", 1);
    goals = withGoalOutcome(goals, "a", "x", 0.3);
    const read = goalScoresFromPayload(goalScoresPayload(goals));
    expect(read).toEqual(goals);
    expect(read?.map(({ goal }) => goal)).toEqual(["b", "a"]);
    expect(read?.[1]?.scores.get("x")).toEqual({ score: 0.2, count: 2n });
  });

  test("are bounded: the goal met longest ago and the thing tried least give way", () => {
    let goals = withGoalOutcome([], "first", "x", 1);
    for (let i = 0; i < 100; i += 1) goals = withGoalOutcome(goals, `goal ${i}`, "x", 1);
    expect([goals.length, goals[0]?.goal]).toEqual([100, "goal 0"]);
    for (let i = 0; i < 2; i += 1) goals = withGoalOutcome(goals, "busy", "often", 1);
    for (let i = 0; i < 30; i += 1) goals = withGoalOutcome(goals, "busy", `x${i}`, 1);
    const busy = goals.at(-1)?.scores;
    expect([busy?.size, busy?.has("often"), busy?.has("x29"), busy?.has("x0")]).toEqual([
      20,
      true,
      true,
      false,
    ]);
  });

  test("are not read from a caller's own form", () => {
    for (const own of ['{"a": 1}', "[1]", '[{"goal": 1}]', '[{"goal": "a", "scores": {"x": 0.5}}]', "x"]) {
      expect(goalScoresFromPayload(jsonPayload(own))).toBeUndefined();
    }
  });
});

describe("a goal", () => {
  const goal = (init: Parameters<typeof create<typeof LearningGoalSchema>>[1]) =>
    create(LearningGoalSchema, init);

  test("is filed under its type, else under the beginning of its description and its labels", () => {
    expect(goalKey(goal({ type: "Book flight", description: "x" }))).toBe("book flight");
    const described = goal({ description: "Book a flight to Oslo, in May", labels: { tier: "VIP guest" } });
    expect(goalKey(described)).toBe("book a flight to oslo tier=vip_guest");
    expect(goalKey(goal({ description: " …" }))).toBe("");
  });

  test("is like another by the words they share", () => {
    const words = goalWords(goal({ description: "Please BOOK the flight" }));
    expect(likeness("book flight", words)).toBe(1);
    expect(likeness("book hotel", words)).toBe(0.5);
    expect(likeness("repair car", words)).toBe(0);
  });
});

test("a UUID of version 5 is that of RFC 9562", () => {
  expect(uuidV5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com")).toBe(
    "2ed6657d-e927-568b-95e1-2665a8aea6a2",
  );
});
