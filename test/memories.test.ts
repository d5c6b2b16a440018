import { randomUUID } from "node:crypto";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { type Memory, MemoryService, MemoryType } from "../gen/holdfast/v1/memory_pb.js";
import { type MemoryInit, remember, search } from "./support/memories.js";
import { query } from "./support/query.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const { EPISODIC, SEMANTIC, PROCEDURAL, WORKING } = MemoryType;

const servers = useServers(
  { memoryAccessIntervalMs: 50 },
  { memorySweepIntervalMs: 50, workingMemoryCapacity: 10 },
);

async function get(tenant: Tenant, id: string): Promise<Memory> {
  const answer = await tenant.rpc.unary(MemoryService.method.getMemory, { key: { case: "id", value: id } });
  return present(answer.memory);
}

function workingRows(tenant: Tenant): Promise<{ owner: string; count: bigint }[]> {
  return query(
    servers.databaseUrl,
    `SELECT coalesce(session_id::text, agent_id, '') AS owner, count(*) FROM holdfast.memories
     WHERE tenant_id = $1 AND type = 'WORKING' AND delete_time IS NULL GROUP BY 1`,
    [tenant.id],
  );
}

describe("working memory", () => {
  test("promotes its oldest to episodic in the change that adds one too many", async () => {
    const tenant = newTenant(servers.app());
    const session = await tenant.open();
    const init = (n: number) => ({ type: WORKING, sessionId: session.id, content: `thought ${n}` });
    const first = await remember(tenant, ...Array.from({ length: 10 }, (_, n) => init(n)));
    const [last] = await remember(tenant, init(10));
    expect((await get(tenant, present(first[0]).id)).type).toBe(EPISODIC);
    expect((await get(tenant, present(first[1]).id)).type).toBe(WORKING);
    const changes = (await tenant.listAll()).filter(({ position }) => position >= present(last).position);
    expect(changes.map(({ entity }) => (entity.value as Memory).content)).toEqual([
      "thought 10",
      "thought 0",
    ]);
    const { revisions } = await tenant.rpc.unary(MemoryService.method.listMemoryRevisions, {
      id: present(first[0]).id,
    });
    expect(revisions.map(({ memory }) => memory?.type)).toEqual([EPISODIC, WORKING]);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("keeps the last of one batch, and each owner's apart", async () => {
    const tenant = newTenant(servers.app());
    const session = await tenant.open();
    const owners = [{ sessionId: session.id }, { agentId: "a" }, { agentId: "b" }, {}];
    const batch = Array.from({ length: 25 }, (_, n) =>
      owners.map((owner) => ({ ...owner, type: WORKING, content: `thought ${n}` })),
    ).flat();
    await remember(tenant, ...batch);
    expect((await workingRows(tenant)).map(({ count }) => count)).toEqual([10n, 10n, 10n, 10n]);
    const { memories } = await tenant.rpc.unary(MemoryService.method.listMemories, {
      filter: { agentIds: ["a"], types: [WORKING] },
    });
    expect(memories.map(({ content }) => content).sort()).toEqual(
      Array.from({ length: 10 }, (_, n) => `thought ${n + 15}`).sort(),
    );
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("counts what becomes working by an update, of its type or its agent", async () => {
    const tenant = newTenant(servers.app());
    await remember(
      tenant,
      ...Array.from({ length: 10 }, (_, n) => ({ type: WORKING, agentId: "a", content: `${n}` })),
    );
    const [plan, other] = await remember(tenant, { agentId: "a" }, { agentId: "b", type: WORKING });
    const update = (memory: MemoryInit, path: string) =>
      tenant.rpc.unary(MemoryService.method.updateMemory, { memory, updateMask: { paths: [path] } });
    await update({ id: present(plan).id, type: WORKING }, "type");
    expect((await get(tenant, present(plan).id)).type).toBe(WORKING);
    await update({ id: present(other).id, agentId: "a" }, "agent_id");
    expect(await workingRows(tenant)).toEqual([{ owner: "a", count: 10n }]);
  });

  test("never holds more than its capacity with two servers writing at random", async () => {
    const tenant = newTenant(servers.app(0));
    const both = [tenant, tenant.on(servers.app(1))];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    let most = 0n;
    const known: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      const writes = both.flatMap((writer) =>
        Array.from({ length: 4 }, async () => {
          const id = known[random(Math.max(known.length, 1))];
          if (id !== undefined && random(3) === 0) {
            const memory = { id, type: WORKING, agentId: `agent ${random(2)}` };
            const updateMask = { paths: ["type", "agent_id"] };
            await writer.rpc.unary(MemoryService.method.updateMemory, { memory, updateMask });
            return;
          }
          const batch = Array.from({ length: 1 + random(14) }, () => ({
            type: random(4) === 0 ? SEMANTIC : WORKING,
            agentId: `agent ${random(2)}`,
          }));
          for (const memory of await remember(writer, ...batch)) known.push(memory.id);
        }),
      );
      // While they write: whatever has been committed keeps to the capacity.
      while ((await Promise.race([Promise.all(writes).then(() => "done"), workingRows(tenant)])) !== "done") {
        for (const { count } of await workingRows(tenant)) most = count > most ? count : most;
      }
    }
    for (const { count } of await workingRows(tenant)) expect(count).toBe(10n);
    expect(most).toBe(10n);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});

describe("promotion", () => {
  test("gives a memory a more lasting type, never a less lasting one", async () => {
    const tenant = newTenant(servers.app());
    const [memory] = await remember(tenant, { type: WORKING, content: "deploys need a freeze check" });
    const { id } = present(memory);
    const promote = (type: MemoryType, requestId = "") =>
      tenant.rpc.unary(MemoryService.method.promoteMemory, { id, type, requestId });
    const requestId = randomUUID();
    const first = await promote(SEMANTIC, requestId);
    expect(first.memory).toMatchObject({ type: SEMANTIC, revision: 2n });
    expect(await promote(SEMANTIC, requestId)).toEqual(first);
    expect(await refusal(promote(EPISODIC))).toMatchObject({ reason: "ILLEGAL_TRANSITION" });
    expect(await refusal(promote(PROCEDURAL))).toMatchObject({ reason: "ILLEGAL_TRANSITION" });
    expect(await refusal(promote(WORKING))).toMatchObject({ fields: ["type"] });
  });
});

describe("a memory's own time", () => {
  const past = timestampFromDate(new Date(Date.now() - 1000));
  const future = timestampFromDate(new Date(Date.now() + 3_600_000));

  test("ends what is served of it, and then the memory", async () => {
    const tenant = newTenant(servers.app());
    const [keeps] = await remember(tenant, { content: "lease token", expireTime: future });
    const id = randomUUID();
    const gone = {
      id,
      type: SEMANTIC,
      content: "lease token",
      expireTime: past,
      embedding: [1],
      embeddingModel: "m",
    };
    await tenant.rpc.unary(MemoryService.method.createMemory, { memory: gone });

    expect(await refusal(get(tenant, id))).toMatchObject({ reason: "NOT_FOUND" });
    const request = { text: "lease token", embedding: [1], embeddingModel: "m" };
    expect((await search(tenant, request)).hits.map(({ memory }) => memory?.id)).toEqual([keeps?.id]);
    const list = (filter: object) => tenant.rpc.unary(MemoryService.method.listMemories, { filter });
    expect((await list({})).memories.map((memory) => memory.id)).toEqual([keeps?.id]);
    expect((await list({ includeDeleted: true })).memories).toHaveLength(2);
    const batch = await tenant.rpc.unary(MemoryService.method.batchGetMemories, {
      ids: [id, present(keeps).id],
    });
    expect(batch.memories.map((memory) => memory.id)).toEqual([keeps?.id]);
    const memory = { id, expireTime: future };
    const revived = tenant.rpc.unary(MemoryService.method.updateMemory, {
      memory,
      updateMask: { paths: ["expire_time"] },
    });
    expect(await refusal(revived)).toMatchObject({ reason: "NOT_FOUND" });

    await expect
      .poll(async () => {
        const { revisions } = await tenant.rpc.unary(MemoryService.method.listMemoryRevisions, { id });
        return revisions[0]?.memory?.deleteTime;
      })
      .toBeDefined();
    expect(await refusal(get(tenant, id))).toMatchObject({ reason: "NOT_FOUND" });
    expect((await get(tenant, present(keeps).id)).deleteTime).toBeUndefined();
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});

describe("being found", () => {
  test("is counted and timed without a change in the log", async () => {
    const tenant = newTenant(servers.app());
    const [memory] = await remember(tenant, { content: "the door code changes weekly" });
    const { id, position } = present(memory);
    await Promise.all(Array.from({ length: 7 }, () => search(tenant, { text: "door" })));
    await expect.poll(async () => (await get(tenant, id)).accessCount).toBe(7n);
    const stored = await get(tenant, id);
    expect(stored).toMatchObject({ position, revision: 1n });
    expect(stored.accessTime).toBeDefined();
    const { memories } = await tenant.rpc.unary(MemoryService.method.listMemories, {});
    expect(memories[0]?.accessCount).toBe(7n);
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(position);
    const counted = await query<{ count: bigint }>(
      servers.databaseUrl,
      "SELECT access_count AS count FROM holdfast.memory_access WHERE tenant_id = $1",
      [tenant.id],
    );
    expect(counted).toEqual([{ count: 7n }]);
  });

  test("cannot be set by a caller", async () => {
    const tenant = newTenant(servers.app());
    const [memory] = await remember(tenant, {
      content: "modest",
      accessCount: 99n,
      accessTime: timestampFromDate(new Date()),
    });
    const { accessCount, accessTime } = await get(tenant, present(memory).id);
    expect([accessCount, accessTime]).toEqual([0n, undefined]);
  });
});
