import { connect, type Goal, type Holdfast, MemoryType } from "@holdfast/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uuidV7 } from "../src/core/uuid.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const WRITERS = 6;
const CHANGES = 20;

describe("writers on two servers that hammer one thing", () => {
  const servers = useServers({}, {});
  const tenantId = uuidV7();
  let clients: Holdfast[];

  beforeAll(() => {
    clients = [servers.app(0), servers.app(1)].map(({ grpc }) =>
      connect({ address: `${grpc.host}:${grpc.port}`, tenantId }),
    );
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await expectSoundLog(servers.databaseUrl, tenantId);
  });

  /** Runs every writer at once, each through its own server, each making its changes one after the other. */
  const hammer = (change: (client: Holdfast, writer: number, n: number) => Promise<unknown>) =>
    Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        const client = clients[writer % clients.length] as Holdfast;
        for (let n = 1; n <= CHANGES; n += 1) await change(client, writer, n);
      }),
    );

  test("lose no change of a goal, each keeping to a field of its own", async () => {
    const [client] = clients as [Holdfast];
    const { id } = await client.goals.create({ title: "t" });
    const fields = ["title", "description", "createdBy", "priority", "progress", "externalId"] as const;
    await hammer((each, writer, n) => {
      const field = fields[writer] ?? "title";
      const isNumber = field === "priority" || field === "progress";
      return each.goals.update(id, { [field]: isNumber ? n / 100 : `${field} ${n}` });
    });
    const goal: Goal = await client.goals.get(id);
    expect(goal).toMatchObject({
      title: "title 20",
      description: "description 20",
      createdBy: "createdBy 20",
      priority: 0.2,
      progress: 0.2,
      externalId: "externalId 20",
      revision: BigInt(1 + WRITERS * CHANGES),
    });
    const revisions: bigint[] = [];
    for await (const { revision } of client.goals.revisions(id)) revisions.push(revision);
    expect(revisions.reverse()).toEqual(Array.from(revisions, (_, i) => BigInt(i + 1)));
  });

  test("lose no change of a memory made by compare-and-set", async () => {
    const [client] = clients as [Holdfast];
    const { id } = await client.memories.create({ type: MemoryType.SEMANTIC, content: "0" });
    let refused = 0;
    await hammer(async (each) => {
      for (;;) {
        const { content, revision } = await each.memories.get(id);
        try {
          await each.memories.update(
            id,
            { content: `${Number(content) + 1}` },
            { expectedRevision: revision },
          );
          return;
        } catch (error) {
          expect(error).toMatchObject({ reason: "REVISION_MISMATCH" });
          refused += 1;
        }
      }
    });
    expect((await client.memories.get(id)).content).toBe(String(WRITERS * CHANGES));
    // Otherwise they never met, and nothing was tried.
    expect(refused).toBeGreaterThan(0);
  });

  test("lose no outcome of a selector", async () => {
    const [client] = clients as [Holdfast];
    const { id } = await client.selectors.create({ type: "tools" });
    await hammer((each, writer) => each.selectors.recordOutcome(id, { action: "a", score: writer / 8 }));
    const { actionCounts, actionScores } = await client.selectors.get(id);
    expect(actionCounts.a).toBe(BigInt(WRITERS * CHANGES));
    expect(actionScores.a).toBeCloseTo((WRITERS - 1) / 2 / 8, 12);
  });
});
