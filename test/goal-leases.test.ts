import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type Goal, GoalStatus, type NextGoalRequestSchema } from "../gen/holdfast/v1/goal_pb.js";
import { microsFromTimestamp } from "../src/core/time.js";
import { createEntityCodec } from "../src/entities/entity-codec.js";
import { goal as goalEntity } from "../src/entities/goal.js";
import { readyGoals } from "../src/store/goal-reads.js";
import { type GoalInit, type Goals, goalsOf } from "./support/goals.js";
import { query } from "./support/query.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const { PENDING, IN_PROGRESS, COMPLETED } = GoalStatus;
const servers = useServers({}, {});

function setUp() {
  const tenant = newTenant(servers.app());
  return { tenant, goals: goalsOf(tenant), elsewhere: goalsOf(tenant.on(servers.app(1))) };
}

const seconds = (count: number) => ({ leaseDuration: { seconds: BigInt(count) } });

async function createAll(goals: Goals, inits: readonly GoalInit[]): Promise<string[]> {
  const ids: string[] = [];
  for (const init of inits) ids.push((await goals.create(init)).id);
  return ids;
}

function leaseSeconds({ updateTime, leaseExpireTime }: Goal): number {
  return (
    Number(microsFromTimestamp(present(leaseExpireTime)) - microsFromTimestamp(present(updateTime))) / 1e6
  );
}

describe("the next goal", () => {
  test("is the ready one of the highest priority, of these the oldest", async () => {
    const { goals } = setUp();
    const [low, first, second] = await createAll(goals, [
      { priority: 0.1 },
      { priority: 0.5 },
      { priority: 0.5 },
    ]);
    await goals.create({ priority: 1, dependsOn: [present(low)] });
    const taken = [await goals.next(), await goals.next(), await goals.next()];
    expect(taken.map((goal) => goal?.id)).toEqual([first, second, low]);
    expect(await goals.next()).toBeUndefined();
  });

  test("is in progress under a lease of five minutes or as long as asked for", async () => {
    const { goals } = setUp();
    await createAll(goals, [{}, {}]);
    const goal = present(await goals.next({ agentId: "alice" }));
    expect(goal).toMatchObject({ status: IN_PROGRESS, leaseHolder: "alice", revision: 2n });
    expect(leaseSeconds(goal)).toBeGreaterThan(299);
    expect(leaseSeconds(goal)).toBeLessThan(301);
    expect(await goals.get(goal.id)).toEqual(goal);
    expect(leaseSeconds(present(await goals.next(seconds(7))))).toBeLessThan(8);
  });

  test("becomes ready with the last goal it waits for, for whoever asks next anywhere", async () => {
    const { goals, elsewhere } = setUp();
    const first = await goals.create();
    const second = await goals.create({ priority: 1, dependsOn: [first.id] });
    await goals.next();
    expect(await elsewhere.next()).toBeUndefined();
    const [, next] = await Promise.all([goals.complete(first.id), goals.next()]);
    expect([undefined, second.id]).toContain(next?.id);
    if (!next) expect((await elsewhere.next())?.id).toBe(second.id);
  });

  test("matches what the caller filters by", async () => {
    const { goals, tenant } = setUp();
    const session = await tenant.open();
    const parent = await goals.create({ priority: 0 });
    const wanted = {
      sessionId: session.id,
      agentId: "a",
      parentGoalId: parent.id,
      labels: { area: "x", n: "1" },
    };
    await createAll(goals, [{ priority: 1 }, { priority: 0.5, labels: { area: "y" } }]);
    const labels = { area: "x" };
    const filters: MessageInitShape<typeof NextGoalRequestSchema>[] = [
      { sessionId: session.id.toUpperCase() },
      { goalAgentIds: ["b", "a"] },
      { parentGoalIds: [randomUUID(), parent.id] },
      { labels },
      { sessionId: session.id, goalAgentIds: ["a"], parentGoalIds: [parent.id], labels: wanted.labels },
    ];
    for (const filter of filters) {
      expect(await goals.next(filter)).toBeUndefined();
      const { id } = await goals.create(wanted);
      expect(await goals.next({ ...filter, labels: { area: "x", n: "2" } })).toBeUndefined();
      expect((await goals.next(filter))?.id).toBe(id);
    }
  });

  test("is the same for a retry, also through another server and after it was completed", async () => {
    const { goals, elsewhere } = setUp();
    await createAll(goals, [{}, {}]);
    const requestId = randomUUID();
    const goal = await goals.next({ requestId });
    expect(await elsewhere.next({ requestId })).toEqual(goal);
    const same = await Promise.all([1, 2, 3].map(() => goals.next({ requestId })));
    expect(same).toEqual([goal, goal, goal]);
    await goals.complete(present(goal).id);
    expect(await goals.next({ requestId })).toEqual(goal);
    expect(await refusal(goals.next({ requestId, agentId: "other" }))).toMatchObject({
      reason: "ID_CONFLICT",
    });
  });

  test("is another's once the lease has run out, and then no longer the first one's", async () => {
    const { goals, elsewhere } = setUp();
    const { id } = await goals.create();
    await goals.next({ agentId: "dies", ...seconds(60) });
    expect(await elsewhere.next({ agentId: "heir" })).toBeUndefined();
    await goals.renew(id, "dies", 1);
    await expect
      .poll(() => elsewhere.next({ agentId: "heir" }))
      .toMatchObject({
        id,
        leaseHolder: "heir",
        revision: 4n,
      });
    const held = { code: 9, reason: "LEASE_NOT_HELD", metadata: { id, lease_holder: "heir" } };
    expect(await refusal(goals.renew(id, "dies"))).toMatchObject(held);
    expect(await refusal(goals.release(id, "dies"))).toMatchObject(held);
  });

  test("is kept by renewing, also late if nobody else came", async () => {
    const { goals } = setUp();
    const { id } = await goals.create();
    await goals.next({ ...seconds(1) });
    const renewed = await goals.renew(id, "agent", 1);
    expect(leaseSeconds(renewed)).toBeLessThan(1.5);
    await delay(1050);
    expect(leaseSeconds(await goals.renew(id, "agent", 60))).toBeGreaterThan(59);
    expect(await goals.next()).toBeUndefined();
  });

  test("is pending again and free once released or ended", async () => {
    const { goals } = setUp();
    const { id } = await goals.create();
    await goals.next();
    const released = await goals.release(id, "agent");
    expect(released).toMatchObject({ status: PENDING, leaseHolder: "" });
    expect(released.leaseExpireTime).toBeUndefined();
    expect(await refusal(goals.release(id, "agent"))).toMatchObject({ reason: "LEASE_NOT_HELD" });
    expect((await goals.next())?.id).toBe(id);
    const done = await goals.complete(id);
    expect(done).toMatchObject({ status: COMPLETED, leaseHolder: "" });
    expect(await refusal(goals.renew(id, "agent"))).toMatchObject({ reason: "LEASE_NOT_HELD" });
  });

  test("is refused to who does not say who it is, or asks for nonsense", async () => {
    const { goals } = setUp();
    const nonsense = {
      agentId: "",
      sessionId: "x",
      parentGoalIds: ["y"],
      goalAgentIds: ["\0"],
      labels: { "\0": "" },
    };
    expect(await refusal(goals.next({ ...nonsense, leaseDuration: { nanos: 5 } }))).toMatchObject({
      reason: "INVALID_FIELD",
      fields: ["agent_id", "goal_agent_ids", "labels", "lease_duration", "parent_goal_ids[0]", "session_id"],
    });
    expect(await refusal(goals.next(seconds(86_401)))).toMatchObject({ fields: ["lease_duration"] });
    expect(await refusal(goals.next({ requestId: "z" }))).toMatchObject({ fields: ["request_id"] });
  });

  test("is never another's: 40 callers on two servers take each of 200 goals once", async () => {
    const { goals, elsewhere, tenant } = setUp();
    const priorities = Array.from({ length: 200 }, (_, n) => (n * 37) % 10);
    const { goals: made } = await goals.batch(priorities.map((n) => ({ priority: n / 10 })));
    const taken: Goal[] = [];
    const work = async (on: Goals, agentId: string) => {
      for (let goal = await on.next({ agentId }); goal; goal = await on.next({ agentId })) {
        expect(goal.leaseHolder).toBe(agentId);
        taken.push(goal);
      }
    };
    await Promise.all(Array.from({ length: 40 }, (_, n) => work(n % 2 ? goals : elsewhere, `agent ${n}`)));
    expect(taken).toHaveLength(200);
    expect(new Set(taken.map(({ id }) => id))).toEqual(new Set(made.map(({ id }) => id)));
    const inOrder = taken.toSorted((a, b) => Number(a.position - b.position)).map(({ priority }) => priority);
    expect(inOrder).toEqual(inOrder.toSorted((a, b) => b - a));
    expect(new Set(taken.map(({ leaseHolder }) => leaseHolder)).size).toBeGreaterThan(20);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("is found by index among 100,000", async () => {
    const { goals, tenant } = setUp();
    const { id } = await goals.create({ priority: 0.99 });
    const columns = await query<{ column_name: string }>(
      servers.databaseUrl,
      "SELECT column_name FROM information_schema.columns WHERE table_schema = 'holdfast' AND table_name = 'goals'",
    );
    const values = columns.map(({ column_name: name }) => {
      if (name === "id") return "gen_random_uuid()";
      if (name === "priority") return "random() * 0.9";
      return name === "status" ? "CASE WHEN n % 2 = 0 THEN 'PENDING' ELSE 'IN_PROGRESS' END" : name;
    });
    await query(
      servers.databaseUrl,
      `INSERT INTO holdfast.goals (${columns.map(({ column_name: name }) => name).join(", ")})
       SELECT ${values.join(", ")} FROM holdfast.goals, generate_series(1, 100000) n WHERE tenant_id = $1`,
      [tenant.id],
    );
    await query(servers.databaseUrl, "ANALYZE holdfast.goals");
    for (const kind of ["pending", "expired"] as const) {
      const filter = { sessionId: "", agentIds: [], parentIds: [], labels: {} };
      const { text, values = [] } = readyGoals(createEntityCodec(goalEntity), tenant.id, kind, filter, {
        limit: 1,
        maxBytes: 1e7,
      });
      const plan = await query(servers.databaseUrl, `EXPLAIN ${text}`, values);
      expect(JSON.stringify(plan)).toMatch(kind === "pending" ? /using goals_ready/ : /using goals_leased/);
      expect(JSON.stringify(plan)).not.toContain("Sort");
    }
    expect((await goals.next())?.id).toBe(id);
    expect((await goals.next())?.priority).toBeGreaterThan(0.89);
  });
});
