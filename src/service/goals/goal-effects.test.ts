import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Goal, GoalSchema, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import { propertyRuns } from "../../../test/support/property-runs.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { FlushView, RowIndex } from "../entity-rules.js";
import { findCycle } from "./find-cycle.js";
import { goalEffects } from "./goal-effects.js";
import { blockedBy, type LoadedGoals } from "./goal-graph.js";
import { contribution } from "./goal-progress.js";

const { PENDING, COMPLETED, FAILED, CANCELLED } = GoalStatus;

/** Goals in memory, changed as a flush changes them. */
class Goals {
  readonly byId = new Map<string, Goal>();
  readonly #view = {
    loaded: {
      nowMicros: 0n,
      nodes: new Map(),
      partIds: new Map(),
      blockedBy: blockedBy(new Set()),
      parts: new Map(),
      exceeded: undefined,
    } satisfies LoadedGoals,
    find: (id: string) => this.byId.get(id),
    all: () => this.byId.values(),
    having: (index: RowIndex, key: string) =>
      new Map([...this.byId].filter(([, goal]) => [...index(goal as unknown as FieldBag)].includes(key))),
    spend: () => {},
  } as unknown as FlushView;

  /** Changes one goal, or makes it, and then what follows. Returns whose turn it was. */
  change(id: string, fields: Partial<Goal>): readonly string[] {
    const before = this.byId.get(id);
    const goal = { ...(before ?? create(GoalSchema, { id, status: PENDING })), ...fields } as Goal;
    this.byId.set(id, goal);
    const followed: string[] = [];
    const bag = (of: Goal | undefined) => of as unknown as FieldBag;
    for (const effect of goalEffects(bag(goal), before && bag(before), this.#view)) {
      this.byId.set(effect.id, { ...this.byId.get(effect.id), ...effect.fields } as Goal);
      followed.push(effect.id);
    }
    return followed;
  }

  mayBeUnder(id: string, parentId: string): boolean {
    return !findCycle(id, (of) => {
      const above = of === id ? parentId : this.byId.get(of)?.parentGoalId;
      return above ? [above] : [];
    });
  }

  /** What each goal's progress is to be that has parts which decide it. */
  expected(): Map<string, number> {
    const goals = [...this.byId.values()];
    const expected = new Map<string, number>();
    for (const { id, status, progressIsSet, deleteTime } of goals) {
      if (progressIsSet || deleteTime || status !== PENDING) continue;
      const added = goals.filter((goal) => goal.parentGoalId === id).map(contribution);
      const counted = added.filter((value) => value !== undefined);
      if (counted.length > 0)
        expected.set(id, counted.reduce((sum, value) => sum + value, 0) / counted.length);
    }
    return expected;
  }
}

const index = fc.nat(7);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ goal: index, under: fc.option(index, { freq: 8 }) }) },
  { weight: 2, arbitrary: fc.record({ goal: index, progress: fc.constantFrom(0, 0.25, 0.5, 1) }) },
  fc.record({ goal: index, status: fc.constantFrom(COMPLETED, FAILED, CANCELLED) }),
  fc.record({ goal: index, deleteTime: fc.constant(timestampNow()) }),
);

test("progress is the mean of the parts' after any changes, and changes once for each", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const goals = new Goals();
      const idOf = (number: number) => `goal ${number}`;
      for (const { goal, ...fields } of steps) {
        const id = idOf(goal);
        const is = goals.byId.get(id);
        if (is?.deleteTime || (is && is.status !== PENDING)) continue;
        let followed: readonly string[];
        if ("under" in fields) {
          const parentGoalId = fields.under === null ? "" : idOf(fields.under);
          if (parentGoalId !== "" && !goals.byId.has(parentGoalId)) goals.change(parentGoalId, {});
          if (!goals.mayBeUnder(id, parentGoalId)) continue;
          followed = goals.change(id, { parentGoalId });
        } else if ("progress" in fields) {
          followed = goals.change(id, { ...fields, progressIsSet: true });
        } else {
          followed = goals.change(id, fields);
        }
        expect(new Set(followed).size).toBe(followed.length);
        for (const [of, progress] of goals.expected()) {
          expect(goals.byId.get(of)?.progress, of).toBeCloseTo(progress, 9);
        }
      }
    }),
    { numRuns: propertyRuns(5000) },
  );
});
