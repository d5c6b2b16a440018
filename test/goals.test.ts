import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { GoalStatus } from "../gen/holdfast/v1/goal_pb.js";
import { ChangeType } from "../gen/holdfast/v1/log_pb.js";
import { goalsOf } from "./support/goals.js";
import { refusal, rejectionsByIndex } from "./support/refusal.js";
import { newTenant, present } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const { PENDING, IN_PROGRESS, BLOCKED, COMPLETED, FAILED, CANCELLED } = GoalStatus;
const servers = useServers({}, {});

function setUp() {
  const tenant = newTenant(servers.app());
  return { tenant, goals: goalsOf(tenant), elsewhere: goalsOf(tenant.on(servers.app(1))) };
}

describe("a goal's place", () => {
  test("must be below a goal that exists, and depend on goals that exist", async () => {
    const { goals } = setUp();
    const other = await goalsOf(newTenant(servers.app())).create();
    const deleted = await goals.create();
    await goals.delete(deleted.id);
    for (const id of [randomUUID(), other.id, deleted.id]) {
      expect(await refusal(goals.create({ parentGoalId: id }))).toMatchObject({
        reason: "INVALID_FIELD",
        fields: ["goal.parent_goal_id"],
      });
      const sound = await goals.create();
      const dependsOn = [sound.id, id, "nothing"];
      expect(await refusal(goals.create({ dependsOn }))).toMatchObject({
        reason: "INVALID_FIELD",
        fields: ["goal.depends_on[1]", "goal.depends_on[2]"],
      });
      expect(await refusal(goals.update(sound.id, { dependsOn: [id] }))).toMatchObject({
        fields: ["goal.depends_on[0]"],
      });
    }
    expect(await refusal(goals.update((await goals.create()).id, { parentGoalId: "x" }))).toMatchObject({
      fields: ["goal.parent_goal_id"],
    });
  });

  test("is kept in lower case, each dependency once", async () => {
    const { goals } = setUp();
    const { id } = await goals.create();
    const upper = id.toUpperCase();
    const goal = await goals.create({ parentGoalId: upper, dependsOn: [upper, id] });
    expect(goal).toMatchObject({ parentGoalId: id, dependsOn: [id] });
    expect(await goals.get(goal.id)).toEqual(goal);
  });

  test("may be named by entries of the same batch, later ones by earlier ones not", async () => {
    const { goals } = setUp();
    const [a, b] = [randomUUID(), randomUUID()];
    const { result } = await goals.batch([
      { id: b, dependsOn: [a] },
      { id: a },
      { id: randomUUID(), dependsOn: [a], parentGoalId: a },
    ]);
    const rejected = rejectionsByIndex(present(result).rejections);
    expect([...rejected.keys()]).toEqual([0]);
    expect(rejected.get(0)).toMatchObject({ fields: ["goals[0].depends_on[0]"] });
  });

  test("never closes a cycle, which is told", async () => {
    const { goals, elsewhere } = setUp();
    const a = await goals.create();
    const b = await goals.create({ parentGoalId: a.id, dependsOn: [a.id] });
    const c = await elsewhere.create({ parentGoalId: b.id, dependsOn: [b.id] });
    const up = await refusal(goals.update(a.id, { parentGoalId: c.id }));
    expect(up).toMatchObject({ reason: "INVALID_FIELD", fields: ["goal.parent_goal_id"] });
    expect(up.message).toContain(`expected no cycle, got ${a.id} → ${c.id} → ${b.id} → ${a.id}`);
    const other = await goals.create();
    const around = await refusal(elsewhere.update(a.id, { dependsOn: [other.id, c.id] }));
    expect(around).toMatchObject({ reason: "INVALID_FIELD", fields: ["goal.depends_on[1]"] });
    expect(around.message).toContain(`${a.id} → ${c.id} → ${b.id} → ${a.id}`);
    expect(await refusal(goals.update(a.id, { parentGoalId: a.id }))).toMatchObject({
      reason: "INVALID_FIELD",
    });
    expect(await refusal(goals.update(a.id, { dependsOn: [a.id] }))).toMatchObject({
      reason: "INVALID_FIELD",
    });
    const self = randomUUID();
    expect(await refusal(goals.create({ id: self, dependsOn: [self] }))).toMatchObject({
      reason: "INVALID_FIELD",
    });
  });

  test("never closes a cycle between writers on two servers", async () => {
    const { goals, elsewhere, tenant } = setUp();
    for (let round = 0; round < 10; round += 1) {
      const [a, b] = [await goals.create(), await goals.create()];
      const settled = await Promise.allSettled([
        goals.update(a.id, { dependsOn: [b.id] }),
        elsewhere.update(b.id, { dependsOn: [a.id] }),
        goals.update(a.id, { parentGoalId: b.id }),
        elsewhere.update(b.id, { parentGoalId: a.id }),
      ]);
      const done = settled.map(({ status }) => status === "fulfilled");
      expect([done[0] !== done[1], done[2] !== done[3]]).toEqual([true, true]);
    }
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("is at most 32 levels deep, also when a tree is moved", async () => {
    const { goals } = setUp();
    const chain = async (length: number) => {
      const ids = Array.from({ length }, () => randomUUID());
      await goals.batch(ids.map((id, i) => ({ id, parentGoalId: ids[i - 1] ?? "" })));
      return ids;
    };
    const deep = await chain(33);
    expect((await goals.all()).length).toBe(32);
    const three = await chain(3);
    const move = (below: number) => goals.update(present(three[0]), { parentGoalId: present(deep[below]) });
    expect(await refusal(move(29))).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      fields: ["goal.parent_goal_id"],
    });
    await move(28);
  });
});

describe("a goal that depends on others", () => {
  test("is blocked until all are completed, and then pending by a revision of its own", async () => {
    const { goals, elsewhere, tenant } = setUp();
    const [a, b] = [await goals.create(), await goals.create()];
    const goal = await goals.create({ dependsOn: [a.id, b.id] });
    expect(goal.status).toBe(BLOCKED);
    await goals.complete(a.id);
    expect((await goals.get(goal.id)).status).toBe(BLOCKED);
    const last = await elsewhere.complete(b.id);
    const freed = await goals.get(goal.id);
    expect(freed).toMatchObject({ status: PENDING, revision: 2n, position: last.position + 1n });
    const event = present((await tenant.listAll()).at(-1));
    expect(event).toMatchObject({ position: freed.position, change: ChangeType.UPDATED });
    expect(event.entity).toMatchObject({ case: "goal", value: { id: goal.id, status: PENDING } });
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("may not begin, and keeps waiting for one that failed or is gone", async () => {
    const { goals } = setUp();
    const [a, b, c] = [await goals.create(), await goals.create(), await goals.create()];
    const goal = await goals.create({ dependsOn: [a.id, b.id, c.id] });
    expect(await refusal(goals.become(goal.id, IN_PROGRESS))).toMatchObject({
      reason: "ILLEGAL_TRANSITION",
      metadata: { id: goal.id, depends_on: a.id },
    });
    expect(await refusal(goals.create({ dependsOn: [a.id], status: IN_PROGRESS }))).toMatchObject({
      reason: "ILLEGAL_TRANSITION",
    });
    expect((await goals.become(goal.id, PENDING)).status).toBe(BLOCKED);
    await goals.become(a.id, FAILED);
    await goals.become(b.id, CANCELLED);
    await goals.delete(c.id);
    expect((await goals.get(goal.id)).status).toBe(BLOCKED);
    expect((await goals.update(goal.id, { dependsOn: [a.id] })).status).toBe(BLOCKED);
    expect((await goals.update(goal.id, { dependsOn: [] })).status).toBe(PENDING);
  });

  test("goes back to waiting when it is given another, and may be ended while it waits", async () => {
    const { goals } = setUp();
    const [a, goal] = [await goals.create(), await goals.create()];
    await goals.become(goal.id, IN_PROGRESS);
    expect((await goals.update(goal.id, { dependsOn: [a.id] })).status).toBe(BLOCKED);
    expect((await goals.complete(goal.id)).status).toBe(COMPLETED);
    await goals.complete(a.id);
    expect((await goals.get(goal.id)).status).toBe(COMPLETED);
  });

  test("is not woken from a wait that a caller asked for by what it never waited for", async () => {
    const { goals } = setUp();
    const [a, goal] = [await goals.create(), await goals.create({ status: BLOCKED })];
    await goals.complete(a.id);
    expect((await goals.update(goal.id, { dependsOn: [a.id], title: "x" })).status).toBe(BLOCKED);
    expect((await goals.become(goal.id, PENDING)).status).toBe(PENDING);
  });
});

describe("the end of a goal", () => {
  test("has a time, and full progress when it is completed, unless given", async () => {
    const { goals } = setUp();
    const done = await goals.complete((await goals.create({ progress: 0.3 })).id);
    expect(done.progress).toBe(1);
    const [ended, changed] = [done.completeTime, done.updateTime].map((time) => present(time).seconds);
    expect(Math.abs(Number(present(ended) - present(changed)))).toBeLessThan(5);
    const failed = await goals.become((await goals.create({ progress: 0.3 })).id, FAILED);
    expect(failed.progress).toBe(0.3);
    expect(failed.completeTime).toBeDefined();
    const completeTime = { seconds: 1_700_000_000n, nanos: 0 };
    const given = await goals.create({ status: COMPLETED, progress: 0.9, completeTime });
    expect(given).toMatchObject({ progress: 0.9, completeTime });
    const id = (await goals.create()).id;
    const updated = await goals.update(id, { status: COMPLETED, progress: 0.8, completeTime });
    expect(updated).toMatchObject({ progress: 0.8, completeTime });
    expect(await refusal(goals.become(id, PENDING))).toMatchObject({ reason: "ILLEGAL_TRANSITION" });
  });
});
