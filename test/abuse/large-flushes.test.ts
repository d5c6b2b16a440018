import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { type Goal, GoalService, GoalStatus } from "../../gen/holdfast/v1/goal_pb.js";
import { MemoryService, MemoryType } from "../../gen/holdfast/v1/memory_pb.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import type { GoalInit } from "../support/goals.js";
import type { RpcClient } from "../support/rpc-client.js";

const BATCH = 500;
/** Milliseconds: a busy machine may take ten times as long. */
const TIMEOUT_MS = 240_000;
/** For each of some goals. */
const WAITING = 500;
const server = useAbusedServer();

async function createGoals(client: RpcClient, goals: readonly GoalInit[]): Promise<void> {
  for (let from = 0; from < goals.length; from += BATCH) {
    await client.unary(GoalService.method.batchCreateGoals, { goals: goals.slice(from, from + BATCH) });
  }
}

function update(client: RpcClient, id: string, fields: GoalInit, path: string) {
  return client.unary(GoalService.method.updateGoal, {
    goal: { id, ...fields },
    updateMask: { paths: [path] },
  });
}

async function goalsOfStatus(client: RpcClient, of: GoalStatus): Promise<readonly Goal[]> {
  const goals: Goal[] = [];
  let pageToken = "";
  do {
    const page = await client.unary(GoalService.method.listGoals, {
      filter: { statuses: [of] },
      pageSize: 1000,
      pageToken,
    });
    goals.push(...page.goals);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return goals;
}

test("working memories of many agents in one batch delay nobody else", { timeout: TIMEOUT_MS }, async () => {
  const abuser = server.as("abuser");
  const fills = 11;
  await besideModestTenant(server, async () => {
    for (let fill = 0; fill < fills; fill += 1) {
      const memories = Array.from({ length: BATCH }, (_, agent) => ({
        type: MemoryType.WORKING,
        agentId: `agent ${agent}`,
        content: `thought ${fill}`,
      }));
      await abuser.unary(MemoryService.method.batchCreateMemories, { memories });
    }
  });
  const filter = { agentIds: ["agent 7"], types: [MemoryType.EPISODIC] };
  const { memories } = await abuser.unary(MemoryService.method.listMemories, { filter });
  expect(memories.map(({ content }) => content)).toEqual(["thought 0"]);
});

test("dependencies changed at once above a large graph delay nobody else, and all are stored", {
  timeout: TIMEOUT_MS,
}, async () => {
  const abuser = server.as("abuser");
  const width = 64;
  const layers: string[][] = [];
  const grow = async (to: number) => {
    while (layers.length < to) {
      const dependsOn = layers.at(-1) ?? [];
      const ids = Array.from({ length: width }, () => randomUUID());
      await createGoals(
        abuser,
        ids.map((id) => ({ id, dependsOn })),
      );
      layers.push(ids);
    }
  };
  await grow(20);
  const tops = Array.from({ length: 60 }, () => randomUUID());
  await createGoals(
    abuser,
    tops.map((id) => ({ id })),
  );
  const dependsOn = layers.at(-1) ?? [];
  const answers = await besideModestTenant(server, () =>
    Promise.all(tops.map((id) => update(abuser, id, { dependsOn }, "depends_on"))),
  );
  for (const { goal } of answers) expect(goal).toMatchObject({ status: GoalStatus.BLOCKED, dependsOn });
  // 25 layers depend on others: 102,400 dependencies.
  await grow(26);
  await expect(
    update(abuser, tops[0] ?? "", { dependsOn: layers.at(-1) ?? [] }, "depends_on"),
  ).rejects.toMatchObject({
    details: expect.stringContaining("expected at most 100000 dependencies to check for a cycle"),
  });
});

test("goals that many wait for, completed at once, delay nobody else, and nobody waits any longer", {
  timeout: TIMEOUT_MS,
}, async () => {
  const accomplice = server.as("accomplice");
  const hubs = Array.from({ length: 4 }, () => randomUUID());
  await createGoals(
    accomplice,
    hubs.map((id) => ({ id })),
  );
  for (const hub of hubs) {
    await createGoals(
      accomplice,
      Array.from({ length: WAITING }, () => ({ dependsOn: [hub] })),
    );
  }
  await besideModestTenant(server, () =>
    Promise.all(hubs.map((id) => update(accomplice, id, { status: GoalStatus.COMPLETED }, "status"))),
  );
  expect(await goalsOfStatus(accomplice, GoalStatus.BLOCKED)).toHaveLength(0);
  expect(await goalsOfStatus(accomplice, GoalStatus.PENDING)).toHaveLength(hubs.length * WAITING);
});
