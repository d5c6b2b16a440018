import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { GoalService } from "../gen/holdfast/v1/goal_pb.js";
import { MemoryService, MemoryType } from "../gen/holdfast/v1/memory_pb.js";
import { ObservationService } from "../gen/holdfast/v1/observation_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import type { App } from "../src/app.js";
import { pendingMigrations } from "../src/store/migrate.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { action, observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { query } from "./support/query.js";
import { startServer } from "./support/start-server.js";
import { newTenant, present, readUpTo } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

const USER = `least_${randomUUID().replaceAll("-", "")}`;

describe("a server whose user owns nothing and does not migrate", () => {
  let owner: TestDatabase;
  let userUrl: string;
  let app: App;
  beforeAll(async () => {
    owner = await createTestDatabase();
    await execute(
      owner.url,
      `CREATE ROLE ${USER} LOGIN PASSWORD 'least' NOCREATEROLE NOCREATEDB`,
      `GRANT holdfast_writer TO ${USER}`,
    );
    const url = new URL(owner.url);
    url.username = USER;
    url.password = "least";
    userUrl = url.href;
    app = await startServer(userUrl, {
      migrate: false,
      logLevel: "error",
      memoryAccessIntervalMs: 20,
      memorySweepIntervalMs: 20,
    });
  });
  afterAll(async () => {
    await app?.close();
    if (!owner) return;
    await execute(owner.url, `DROP ROLE IF EXISTS ${USER}`);
    await owner.close();
  });

  test("appends, changes, reads and follows", async () => {
    const tenant = newTenant(app);
    const { rpc } = tenant;
    const session = await tenant.open();
    const { positions } = await tenant.append(
      observation({ sessionId: session.id, labels: { run: "7" } }),
      action({ sessionId: session.id }),
    );
    expect(positions).toEqual([2n, 3n]);
    await rpc.unary(SessionService.method.closeSession, { id: session.id });
    const { observations } = await rpc.unary(ObservationService.method.listObservations, {
      filter: { labels: { run: "7" }, createTimeFrom: session.createTime },
    });
    expect(observations).toHaveLength(1);
    const events = await readUpTo(tenant.subscribe({ after: { position: 0n } }), 4n);
    expect(events.map(({ position }) => position)).toEqual([1n, 2n, 3n, 4n]);
    // Verified as the same user.
    expect(await expectSoundLog(userUrl, tenant.id)).toBe(4n);
  });

  test("searches memories, counts that they were found, and deletes what expired", async () => {
    const { rpc } = newTenant(app);
    const memory = {
      type: MemoryType.SEMANTIC,
      content: "kelp holds fast",
      embedding: [1, 0],
      embeddingModel: "m",
    };
    const made = present((await rpc.unary(MemoryService.method.createMemory, { memory })).memory);
    const asked = { query: "kelpp", embedding: [1, 0], embeddingModel: "m" };
    const { hits } = await rpc.unary(MemoryService.method.searchMemories, asked);
    expect(hits.map((hit) => hit.memory?.id)).toEqual([made.id]);
    await expect
      .poll(async () => {
        const got = await rpc.unary(MemoryService.method.getMemory, { key: { case: "id", value: made.id } });
        return got.memory?.accessCount;
      })
      .toBe(1n);
    const expireTime = timestampFromMs(Date.now() + 100);
    const passing = { type: MemoryType.SEMANTIC, content: "spray", expireTime };
    await rpc.unary(MemoryService.method.createMemory, { memory: passing });
    await expect
      .poll(async () => {
        const filter = { includeDeleted: true };
        const { memories } = await rpc.unary(MemoryService.method.listMemories, { filter });
        return memories.map(({ deleteTime }) => deleteTime !== undefined);
      })
      .toEqual([true, false]);
  });

  test("hands out goals", async () => {
    const { rpc } = newTenant(app);
    const [first, second] = await Promise.all(
      ["a", "b"].map((title) => rpc.unary(GoalService.method.createGoal, { goal: { title } })),
    );
    const taken = await Promise.all(
      ["one", "two", "three"].map((agentId) => rpc.unary(GoalService.method.nextGoal, { agentId })),
    );
    const ids = taken.flatMap(({ goal }) => (goal ? [goal.id] : []));
    expect(ids.sort()).toEqual([first, second].map((each) => present(each?.goal).id).sort());
  });

  test("tells its statistics and what it stores in", async () => {
    const { rpc } = newTenant(app);
    expect((await rpc.unary(AdminService.method.getStatistics, {})).tables.length).toBeGreaterThan(12);
    const { migrations, totalBytes } = await rpc.unary(AdminService.method.getStorageInfo, {});
    expect(migrations.map(({ name }) => name)).toContain("0011-writer-role");
    expect(totalBytes).toBeGreaterThan(0n);
  });

  test("cannot be made to read or write past the routines", async () => {
    const tenant = newTenant(app);
    await tenant.append(observation());
    expect(await query(userUrl, "SELECT FROM holdfast.observations")).toEqual([]);
    for (const statement of [
      "DELETE FROM holdfast.observations",
      "UPDATE holdfast.tenant_logs SET position = 0",
      "INSERT INTO holdfast.routines VALUES ('x')",
      "CREATE TABLE holdfast.own (id int)",
      "SET ROLE holdfast_append",
    ]) {
      await expect(execute(userUrl, statement), statement).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("refuses to start on a database that is not at its version, and names what is pending", async () => {
    const other = await createTestDatabase({ schema: "empty" });
    try {
      const url = new URL(userUrl);
      url.pathname = new URL(other.url).pathname;
      const pending = await pendingMigrations({ url: other.url });
      expect(pending.at(0)).toBe("0001-log");
      await expect(startServer(url.href, { migrate: false })).rejects.toMatchObject({
        name: "SchemaError",
        message: expect.stringContaining(`Pending: ${pending.join(", ")}. Run \`holdfast migrate up\``),
      });
      expect(await query(other.url, "SELECT FROM pg_namespace WHERE nspname = 'holdfast'")).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test("refuses to start when the routines are of another version", async () => {
    await execute(owner.url, "UPDATE holdfast.routines SET version = 'other ' || version");
    try {
      await expect(startServer(userUrl, { migrate: false })).rejects.toThrow(/Pending: routines\./);
    } finally {
      await execute(owner.url, "UPDATE holdfast.routines SET version = substr(version, 7)");
    }
  });

  test("refuses to start as a user without the role, and says which", async () => {
    await execute(owner.url, `REVOKE holdfast_writer FROM ${USER}`);
    try {
      await expect(startServer(userUrl, { migrate: false })).rejects.toThrow(
        `GRANT holdfast_writer TO ${USER}`,
      );
    } finally {
      await execute(owner.url, `GRANT holdfast_writer TO ${USER}`);
    }
  });
});
