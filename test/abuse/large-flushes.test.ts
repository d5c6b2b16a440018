import { randomUUID } from "node:crypto";
import { status as Status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import { type Goal, GoalService, GoalStatus } from "../../gen/holdfast/v1/goal_pb.js";
import { MemoryService, MemoryType } from "../../gen/holdfast/v1/memory_pb.js";
import { useAbusedServer } from "../support/abused-server.js";
import { openWriter } from "../support/append-writer.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { action, payload, startAction } from "../support/entries.js";
import type { GoalInit } from "../support/goals.js";
import type { RpcClient } from "../support/rpc-client.js";
import { expectSoundLog } from "../support/verify-log.js";

const BATCH = 500;
/** Milliseconds: a busy machine may take ten times as long. */
const TIMEOUT_MS = 240_000;
/** For each of some goals. */
const WAITING = 500;
const MAX_FLUSH_BYTES = 2 * 1024 * 1024;
const server = useAbusedServer({ HOLDFAST_MAX_FLUSH_BYTES: String(MAX_FLUSH_BYTES) });

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

test("small changes of large rows in one call are refused, and over a stream are all stored", {
  timeout: TIMEOUT_MS,
}, async () => {
  const abuser = server.as("accomplice");
  // Together twice what one transaction has room for.
  const ids = Array.from({ length: 8 }, () => randomUUID());
  const parameters = payload(JSON.stringify("x".repeat(MAX_FLUSH_BYTES / 4)));
  for (const id of ids) {
    await abuser.unary(EventService.method.append, { entries: [action({ id, parameters })] });
  }
  const entries = ids.map((id) => startAction(id));
  await besideModestTenant(server, async () => {
    const { result } = await abuser.unary(EventService.method.append, { entries });
    expect(result?.rejections).toHaveLength(ids.length);
    for (const { status } of result?.rejections ?? []) {
      expect(status).toMatchObject({
        code: Status.RESOURCE_EXHAUSTED,
        message: expect.stringContaining("send fewer changes in one call"),
      });
    }
    const writer = await openWriter({ rpc: abuser });
    const { positions, rejections } = await writer.append(0n, ...entries);
    expect(rejections).toEqual([]);
    expect(positions).toEqual(ids.map((_, i) => BigInt(ids.length + i + 1)));
    writer.stream.end();
  });
  const end = await expectSoundLog(server.databaseUrl, server.tenantOf("accomplice"));
  expect(end).toBe(BigInt(2 * ids.length));
});

test("working memories of many agents in one batch delay nobody else", { timeout: TIMEOUT_MS }, async () => {
  const abuser = server.as("abuser");
  const fills = 11;
  await besideModestTenant(server, async () => {
    for (let fill = 0; fill < fills; fill += 1) {
      const memories = Array.from({ length: 250 }, (_, agent) => ({
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
  const tops = Array.from({ length: 24 }, () => randomUUID());
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
  const hubs = Array.from({ length: 3 }, () => randomUUID());
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
