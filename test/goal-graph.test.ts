import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Goal, GoalStatus } from "../gen/holdfast/v1/goal_pb.js";
import { type Goals, goalsOf } from "./support/goals.js";
import { propertyRuns } from "./support/property-runs.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const { PENDING, IN_PROGRESS, BLOCKED, COMPLETED, FAILED, CANCELLED } = GoalStatus;
const servers = useServers({}, {});

const SIZE = 5;
const index = fc.nat(SIZE - 1);
const indexes = fc.uniqueArray(index, { maxLength: 3 });

/** One thing a caller tries, on goals by number; what is refused changes nothing. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("depend" as const), goal: index, on: indexes }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("move" as const), goal: index, under: fc.option(index) }),
  },
  fc.record({ kind: fc.constant("progress" as const), goal: index, to: fc.constantFrom(0, 0.25, 0.7, 1) }),
  fc.record({
    kind: fc.constant("status" as const),
    goal: index,
    to: fc.constantFrom(PENDING, IN_PROGRESS, COMPLETED, COMPLETED, FAILED, CANCELLED),
  }),
  fc.record({ kind: fc.constant("delete" as const), goal: index }),
  fc.record({ kind: fc.constant("take" as const) }),
  fc.record({ kind: fc.constant("create" as const), under: index, on: indexes }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function apply(goals: Goals, ids: readonly string[], each: Step): Promise<unknown> {
  const id = (number: number) => ids[number] ?? "";
  switch (each.kind) {
    case "depend":
      return goals.update(id(each.goal), { dependsOn: each.on.map(id) });
    case "move":
      return goals.update(id(each.goal), { parentGoalId: each.under === null ? "" : id(each.under) });
    case "progress":
      return goals.update(id(each.goal), { progress: each.to });
    case "status":
      return goals.become(id(each.goal), each.to);
    case "delete":
      return goals.delete(id(each.goal));
    case "take":
      return goals.next();
    case "create":
      return goals.create({ parentGoalId: id(each.under), dependsOn: each.on.map(id), priority: 0.5 });
  }
}

function expectSound(all: readonly Goal[], ids: readonly string[]): void {
  const byId = new Map(all.map((goal) => [goal.id, goal]));
  for (const goal of all) {
    const reached = new Set(goal.dependsOn);
    for (const id of reached) for (const next of byId.get(id)?.dependsOn ?? []) reached.add(next);
    expect(reached.has(goal.id), "depends on itself").toBe(false);
    const above = new Set<string>();
    for (let id = goal.parentGoalId; id !== "" && !above.has(id); id = byId.get(id)?.parentGoalId ?? "") {
      above.add(id);
    }
    expect(above.has(goal.id), "is a part of itself").toBe(false);
    if (goal.deleteTime) continue;
    const isFinal = [COMPLETED, FAILED, CANCELLED].includes(goal.status);
    const waits = goal.dependsOn.some((id) => byId.get(id)?.status !== COMPLETED);
    if (!isFinal) expect(goal.status === BLOCKED, `${ids.indexOf(goal.id)} is BLOCKED`).toBe(waits);
    expect(goal.completeTime !== undefined).toBe(isFinal);
    if (isFinal || goal.progressIsSet) continue;
    const parts = all.filter(
      ({ parentGoalId, deleteTime, status }) =>
        parentGoalId === goal.id && !deleteTime && status !== CANCELLED,
    );
    const sum = parts.reduce((total, part) => total + (part.status === COMPLETED ? 1 : part.progress), 0);
    if (parts.length > 0) expect(goal.progress).toBeCloseTo(sum / parts.length, 9);
  }
}

// Steps run several at once over both servers, so they meet in one flush and in
// two that contend; whatever order they take, what is left must be sound.
test("any steps of any writers leave no cycle, block what waits and add up progress", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 2, maxLength: 8 }), { minLength: 1, maxLength: 5 }),
      async (rounds) => {
        const tenant = newTenant(servers.app());
        const other = tenant.on(servers.app(1));
        const [goals, elsewhere] = [goalsOf(tenant), goalsOf(other)];
        const ids = Array.from({ length: SIZE }, () => randomUUID());
        await goals.batch(ids.map((id, i) => ({ id, parentGoalId: i < 2 ? "" : (ids[i % 2] ?? "") })));
        for (const steps of rounds) {
          const tried = await Promise.allSettled(
            steps.map((each, i) => apply(i % 2 === 0 ? goals : elsewhere, ids, each)),
          );
          for (const { reason } of tried.filter((result) => result.status === "rejected")) {
            expect(String(reason)).not.toContain("INTERNAL");
          }
          expectSound(await goals.all({ includeDeleted: true }), ids);
        }
        await expectSoundLog(servers.databaseUrl, tenant.id);
        tenant.rpc.close();
        other.rpc.close();
      },
    ),
    // What made a step meet another is not in it: shrinking would only take the time that the test has.
    { numRuns: propertyRuns(20), endOnFailure: true },
  );
});
