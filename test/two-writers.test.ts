import { connect, type Goal, type Holdfast, MemoryType } from "@holdfast/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uuidV7 } from "../src/core/uuid.js";
import { buildCli, CliProcess } from "./support/cli-process.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { expectSoundLog } from "./support/verify-log.js";

const WRITERS = 6;
const CHANGES = 10;
/** Fewer: each is tried again until nobody else was faster. */
const COMPARED_CHANGES = 5;

describe("writers through two server processes that hammer one thing", () => {
  const tenantId = uuidV7();
  let database: TestDatabase;
  let servers: CliProcess[] = [];
  let clients: Holdfast[] = [];

  beforeAll(async () => {
    await buildCli();
    database = await createTestDatabase();
    const args = ["serve", "--grpc-port", "0", "--http-port", "0"];
    servers = [0, 1].map(() => new CliProcess(args, { DATABASE_URL: database.url }));
    const started = await Promise.all(servers.map((server) => server.says(/gRPC +(\S+)/)));
    clients = started.map(([, address = ""]) => connect({ address, tenantId }));
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    for (const server of servers) server.kill("SIGTERM");
    expect(await Promise.all(servers.map(({ exited }) => exited))).toEqual([0, 0]);
    await expectSoundLog(database.url, tenantId);
    await database.close();
  });

  /** Runs every writer at once, each through its own server, each making its changes one after the other. */
  const hammer = (
    change: (client: Holdfast, writer: number, n: number) => Promise<unknown>,
    changes = CHANGES,
  ) =>
    Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        const client = clients[writer % clients.length] as Holdfast;
        for (let n = 1; n <= changes; n += 1) await change(client, writer, n);
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
      title: "title 10",
      description: "description 10",
      createdBy: "createdBy 10",
      priority: 0.1,
      progress: 0.1,
      externalId: "externalId 10",
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
    }, COMPARED_CHANGES);
    expect((await client.memories.get(id)).content).toBe(String(WRITERS * COMPARED_CHANGES));
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
