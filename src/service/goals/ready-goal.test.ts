import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { type Goal, GoalSchema, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import { timestampFromMicros } from "../../core/time.js";
import type { ReadyFilter } from "../../store/goal-reads.js";
import { firstReady } from "./ready-goal.js";

const ANY: ReadyFilter = { sessionId: "", agentIds: [], parentIds: [], labels: {} };
const NOW = 1000n;

function goal(id: string, init: MessageInitShape<typeof GoalSchema> = {}): Goal {
  return create(GoalSchema, { id, status: GoalStatus.PENDING, createTime: timestampFromMicros(0n), ...init });
}

function first(goals: readonly Goal[], filter: Partial<ReadyFilter> = {}): string | undefined {
  return firstReady(goals, { ...ANY, ...filter }, NOW)?.id;
}

describe("the goal to hand out first", () => {
  test("is the one of the highest priority", () => {
    expect(first([goal("a", { priority: 0.1 }), goal("b", { priority: 0.9 }), goal("c")])).toBe("b");
  });

  test("is the oldest among equals, one of this flush the youngest", () => {
    const young = goal("a", { createTime: timestampFromMicros(2n) });
    const fresh = goal("0");
    delete fresh.createTime;
    expect(first([fresh, young, goal("c", { createTime: timestampFromMicros(1n) })])).toBe("c");
    expect(first([fresh, young])).toBe("a");
  });

  test("is none that is blocked, done, deleted or begun without a lease", () => {
    const { BLOCKED, COMPLETED, FAILED, CANCELLED, IN_PROGRESS } = GoalStatus;
    const others = [BLOCKED, COMPLETED, FAILED, CANCELLED, IN_PROGRESS].map((status) =>
      goal("a", { status }),
    );
    expect(first([...others, goal("d", { deleteTime: timestampNow() })])).toBeUndefined();
  });

  test("may be one whose lease has run out, to the microsecond", () => {
    const leased = (micros: bigint) =>
      goal("a", { status: GoalStatus.IN_PROGRESS, leaseExpireTime: timestampFromMicros(micros) });
    expect(first([leased(NOW)])).toBe("a");
    expect(first([leased(NOW + 1n)])).toBeUndefined();
  });

  test("matches every part of the filter", () => {
    const init = { sessionId: "s", agentId: "x", parentGoalId: "p", labels: { k: "v", m: "" } };
    const goals = [goal("a", init), goal("b")];
    const filter = { sessionId: "s", agentIds: ["x"], parentIds: ["p"], labels: { k: "v", m: "" } };
    expect(first(goals, filter)).toBe("a");
    for (const other of [
      { sessionId: "t" },
      { agentIds: ["y"] },
      { parentIds: ["q"] },
      { labels: { n: "" } },
    ]) {
      expect(first(goals, { ...filter, ...other })).toBeUndefined();
    }
  });
});
