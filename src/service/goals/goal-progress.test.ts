import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { type Goal, GoalSchema, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import type { PartSum } from "./goal-graph.js";
import { progressFromParts } from "./goal-progress.js";

function progress(goals: readonly Goal[], parts: readonly [string, PartSum][] = []): number | undefined {
  const none = { nodes: new Map(), partIds: new Map(), blockedBy: () => [], exceeded: undefined };
  const loaded = { nowMicros: 0n, ...none, parts: new Map(parts) };
  const partsOf = (id: string) => goals.filter(({ parentGoalId }) => parentGoalId === id);
  return progressFromParts("p", { parts: partsOf, loaded });
}

function part(progress: number, init: Partial<Goal> = {}): Goal {
  return Object.assign(create(GoalSchema, { parentGoalId: "p", progress }), init);
}

describe("the progress of a goal", () => {
  test("is the mean of its parts', a completed one counting whole", () => {
    const parts = [
      part(0.5),
      part(0.2, { status: GoalStatus.COMPLETED }),
      part(0, { status: GoalStatus.FAILED }),
    ];
    expect(progress(parts)).toBe(0.5);
  });

  test("leaves out cancelled and deleted parts and those of others", () => {
    const others = [
      part(1, { status: GoalStatus.CANCELLED }),
      part(1, { deleteTime: timestampNow() }),
      part(1, { parentGoalId: "q" }),
    ];
    expect(progress([part(0.25), ...others])).toBe(0.25);
    expect(progress(others)).toBeUndefined();
  });

  test("counts parts of which only the sum is known", () => {
    expect(progress([part(1)], [["p", { count: 3, progress: 0 }]])).toBe(0.25);
  });
});
