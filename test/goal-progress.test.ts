import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { GoalStatus } from "../gen/holdfast/v1/goal_pb.js";
import { goalsOf } from "./support/goals.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const { CANCELLED, FAILED } = GoalStatus;
const servers = useServers({}, {});

function setUp() {
  const tenant = newTenant(servers.app());
  return { tenant, goals: goalsOf(tenant), elsewhere: goalsOf(tenant.on(servers.app(1))) };
}

describe("the progress of a goal with parts", () => {
  test("is their mean, up to the root in the same commit", async () => {
    const { goals, elsewhere, tenant } = setUp();
    const root = await goals.create();
    const middle = await goals.create({ parentGoalId: root.id });
    await goals.create({ parentGoalId: root.id, progress: 0.5 });
    const [a, b, c] = [
      await goals.create({ parentGoalId: middle.id }),
      await goals.create({ parentGoalId: middle.id }),
      await goals.create({ parentGoalId: middle.id }),
    ];
    expect((await goals.get(root.id)).progress).toBe(0.25);
    const { position } = await goals.update(a.id, { progress: 0.75 });
    expect(await goals.get(middle.id)).toMatchObject({ progress: 0.25, position: position + 1n });
    expect(await goals.get(root.id)).toMatchObject({ progress: 0.375, position: position + 2n });
    await elsewhere.become(b.id, CANCELLED);
    expect((await goals.get(middle.id)).progress).toBe(0.375);
    await goals.complete(c.id);
    expect((await goals.get(middle.id)).progress).toBe(0.875);
    await goals.update(a.id, { parentGoalId: "" });
    expect((await goals.get(middle.id)).progress).toBe(1);
    await goals.delete(c.id);
    await goals.update(a.id, { parentGoalId: middle.id });
    expect((await goals.get(middle.id)).progress).toBe(0.75);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("is right of both when a part moves from one to the one above it", async () => {
    const { goals, tenant } = setUp();
    const root = await goals.create();
    const middle = await goals.create({ parentGoalId: root.id });
    await goals.create({ parentGoalId: middle.id, progress: 0.5 });
    const moved = await goals.create({ parentGoalId: middle.id });
    expect((await goals.get(root.id)).progress).toBe(0.25);
    await goals.update(moved.id, { parentGoalId: root.id });
    expect((await goals.get(middle.id)).progress).toBe(0.5);
    // Of 0.5 and 0: what it was, though a mean with the middle's of before would be less.
    expect((await goals.get(root.id)).progress).toBe(0.25);
    await goals.update(moved.id, { parentGoalId: middle.id });
    expect((await goals.get(middle.id)).progress).toBe(0.25);
    expect((await goals.get(root.id)).progress).toBe(0.25);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("is the caller's once it was set, until given back", async () => {
    const { goals } = setUp();
    const parent = await goals.create({ progress: 0.1 });
    expect(parent.progressIsSet).toBe(true);
    const part = await goals.create({ parentGoalId: parent.id, progress: 0.5 });
    expect((await goals.get(parent.id)).progress).toBe(0.1);
    const back = await goals.update(parent.id, { progressIsSet: false });
    expect(back).toMatchObject({ progress: 0.5, progressIsSet: false });
    await goals.update(part.id, { progress: 0.75 });
    expect((await goals.get(parent.id)).progress).toBe(0.75);
    expect(await goals.update(parent.id, { progress: 0 })).toMatchObject({
      progress: 0,
      progressIsSet: true,
    });
    await goals.complete(part.id);
    expect((await goals.get(parent.id)).progress).toBe(0);
  });

  test("stays as it was once the goal has ended", async () => {
    const { goals } = setUp();
    const parent = await goals.create();
    const part = await goals.create({ parentGoalId: parent.id, progress: 0.5 });
    await goals.become(parent.id, FAILED);
    await goals.complete(part.id);
    expect((await goals.get(parent.id)).progress).toBe(0.5);
  });

  test("counts every part that many writers complete at once", async () => {
    const { goals, elsewhere, tenant } = setUp();
    const parent = await goals.create();
    const ids = Array.from({ length: 50 }, () => randomUUID());
    await goals.batch(ids.map((id) => ({ id, parentGoalId: parent.id })));
    await Promise.all(ids.slice(0, 40).map((id, i) => (i % 2 ? goals : elsewhere).complete(id)));
    expect((await goals.get(parent.id)).progress).toBeCloseTo(0.8, 12);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});
