import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ActionStatus } from "../gen/holdfast/v1/action_pb.js";
import { DecisionService } from "../gen/holdfast/v1/decision_pb.js";
import { GoalService } from "../gen/holdfast/v1/goal_pb.js";
import { action, decision, finishAction, observation, startAction } from "./support/entries.js";
import { refusal } from "./support/refusal.js";
import { newTenant, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const servers = useServers({});

function explain({ rpc }: Tenant, actionId: string, minPosition = 0n) {
  return rpc.unary(DecisionService.method.explainAction, { actionId, minPosition });
}

async function createGoal({ rpc }: Tenant, parentGoalId = ""): Promise<string> {
  const id = randomUUID();
  await rpc.unary(GoalService.method.createGoal, { goal: { id, title: "a goal", parentGoalId } });
  return id;
}

describe("an action is explained", () => {
  test("from what was observed to what came of it", async () => {
    const tenant = newTenant(servers.app());
    const session = await tenant.open();
    const root = await createGoal(tenant);
    const goalId = await createGoal(tenant, root);
    const [seen, actionId] = [randomUUID(), randomUUID()];
    const { positions } = await tenant.append(
      observation({ id: seen, sessionId: session.id, content: "the door is shut" }),
      observation({ sessionId: session.id, content: "something else" }),
      decision({ observationId: seen, actionId, reasoning: "doors open", actionTaken: "push" }),
      decision({ observationId: seen, actionId, reasoning: "once more" }),
      decision({ observationId: randomUUID(), actionId, reasoning: "of something nobody recorded" }),
      decision({ reasoning: "of another action", actionId: randomUUID() }),
      action({ id: actionId, sessionId: session.id, goalId, name: "push" }),
      startAction(actionId),
      finishAction(actionId, { successScore: 0.75 }),
      observation({ sessionId: session.id, actionId, content: "it opened", success: true }),
    );
    const chain = await explain(tenant, actionId.toUpperCase(), positions.at(-1));
    expect(chain.action).toMatchObject({
      id: actionId,
      name: "push",
      status: ActionStatus.SUCCEEDED,
      successScore: 0.75,
    });
    expect(chain.decisions.map((each) => each.reasoning)).toEqual([
      "doors open",
      "once more",
      "of something nobody recorded",
    ]);
    expect(chain.ledBy.map((each) => each.content)).toEqual(["the door is shut"]);
    expect(chain.observations.map((each) => each.content)).toEqual(["it opened"]);
    expect(chain.goalIds).toEqual([goalId, root]);
    expect(chain.truncated).toBe(false);
    expect(chain.position).toBe(positions.at(-1));
  });

  test("by its first hundred decisions and observations, saying that there are more", async () => {
    const tenant = newTenant(servers.app());
    const actionId = randomUUID();
    await tenant.append(action({ id: actionId }));
    await tenant.append(...Array.from({ length: 100 }, (_, n) => decision({ actionId, reasoning: `${n}` })));
    expect((await explain(tenant, actionId)).truncated).toBe(false);
    await tenant.append(decision({ actionId, reasoning: "100" }));
    const chain = await explain(tenant, actionId);
    expect(chain.truncated).toBe(true);
    expect(chain.decisions.map((each) => each.reasoning)).toEqual(
      Array.from({ length: 100 }, (_, n) => `${n}`),
    );
  });

  test("in a message that clients receive, however large its parts are", async () => {
    const tenant = newTenant(servers.app());
    const actionId = randomUUID();
    await tenant.append(action({ id: actionId }));
    for (let n = 0; n < 6; n += 1)
      await tenant.append(observation({ actionId, content: "x".repeat(900_000) }));
    const chain = await explain(tenant, actionId);
    expect(chain.observations.length).toBe(2);
    expect(chain.truncated).toBe(true);
  });

  test("only to its tenant, and when it is there", async () => {
    const tenant = newTenant(servers.app());
    const actionId = randomUUID();
    await tenant.append(action({ id: actionId }));
    expect(await explain(tenant, actionId)).toMatchObject({ decisions: [], goalIds: [], position: 1n });
    const stranger = newTenant(servers.app());
    expect(await refusal(explain(stranger, actionId))).toMatchObject({
      code: 5,
      reason: "NOT_FOUND",
      metadata: { entity: "action", id: actionId },
    });
    expect(await refusal(explain(tenant, randomUUID()))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await refusal(explain(tenant, "push"))).toMatchObject({ fields: ["action_id"] });
    expect(await refusal(explain(tenant, actionId, 2n))).toMatchObject({ reason: "POSITION_IN_FUTURE" });
  });
});
