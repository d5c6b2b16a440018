import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { ActionService } from "../gen/holdfast/v1/action_pb.js";
import { AdminService, DatabaseShape } from "../gen/holdfast/v1/admin_pb.js";
import { EntityKind } from "../gen/holdfast/v1/log_pb.js";
import { createCodecs } from "../src/entities/codecs.js";
import { entities } from "../src/entities/registry.js";
import { storageInfo } from "../src/service/storage-info.js";
import { openDatabase } from "../src/store/database.js";
import { migrationStatus } from "../src/store/migrate.js";
import { readPositionBefore } from "../src/store/read-statistics.js";
import { action, decision, finishAction, metric, observation, startAction } from "./support/entries.js";
import { query, withConnection } from "./support/query.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({}, {});

function statistics({ rpc }: Tenant) {
  return rpc.unary(AdminService.method.getStatistics, {});
}

async function counts(tenant: Tenant): Promise<Record<string, readonly bigint[]>> {
  const { entities: counted } = await statistics(tenant);
  return Object.fromEntries(
    counted.map(({ kind, records, deletedRecords, changes }) => [
      EntityKind[kind],
      [records, deletedRecords, changes],
    ]),
  );
}

describe("statistics", () => {
  test("count what each entity has, exactly, and only the tenant's", async () => {
    const tenant = newTenant(servers.app());
    const empty = await statistics(tenant);
    expect(empty.entities.map(({ kind }) => kind)).toEqual(entities.map(({ kind }) => kind));
    expect(empty).toMatchObject({ position: 0n, logId: "" });
    expect(empty.commitTime).toBeUndefined();

    const session = await tenant.open();
    const actionId = randomUUID();
    const again = observation({ sessionId: session.id });
    await tenant.append(again, again, observation({ sessionId: randomUUID() }), metric(), decision());
    await tenant.append(again);
    await tenant.append(action({ id: actionId }), startAction(actionId), finishAction(actionId), action());
    await tenant.rpc.unary(ActionService.method.deleteAction, { id: actionId });
    expect(await counts(tenant)).toMatchObject({
      SESSION: [1n, 0n, 1n],
      OBSERVATION: [1n, 0n, 1n],
      DECISION: [1n, 0n, 1n],
      PERFORMANCE_METRIC: [1n, 0n, 1n],
      ACTION: [1n, 1n, 5n],
      MEMORY: [0n, 0n, 0n],
    });
    const { position, entities: counted } = await statistics(tenant);
    expect(counted.reduce((sum, { changes }) => sum + changes, 0n)).toBe(position);
    await expectSoundLog(servers.databaseUrl, tenant.id);
    expect((await statistics(newTenant(servers.app()))).position).toBe(0n);
  });

  test("lose nothing to many writers on two servers", async () => {
    const tenant = newTenant(servers.app());
    const other = tenant.on(servers.app(1));
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? tenant : other).append(observation(), observation(), action(), metric()),
      ),
    );
    expect(await counts(other)).toMatchObject({
      OBSERVATION: [40n, 0n, 40n],
      ACTION: [20n, 0n, 20n],
      PERFORMANCE_METRIC: [20n, 0n, 20n],
    });
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(80n);
  });

  test("tell how fast the log grows and how long writing takes", async () => {
    const tenant = newTenant(servers.app());
    const entries = Array.from({ length: 30 }, () => observation());
    await tenant.append(...entries);
    await tenant.append(...entries.slice(0, 10).map(() => observation()));
    const { growth, appendLatency, commitTime } = await statistics(tenant);
    expect(growth.map(({ window, changes }) => [window?.seconds, changes])).toEqual([
      [60n, 40n],
      [3600n, 40n],
      [86_400n, 40n],
    ]);
    expect(growth[0]?.changesPerSecond).toBeCloseTo(40 / 60);
    expect(commitTime).toBeDefined();
    const { batches, p50Ms, p99Ms } = present(appendLatency);
    expect(batches).toBeGreaterThanOrEqual(2n);
    expect(present(p50Ms)).toBeGreaterThan(0.1);
    expect(present(p99Ms)).toBeGreaterThanOrEqual(present(p50Ms));
    const { http } = servers.app();
    const metrics = await (await fetch(`http://${http.host}:${http.port}/metrics`)).text();
    expect(metrics).toMatch(/holdfast_append_duration_seconds_count [1-9]/);
  });

  test("find where the log was a while ago, however it was committed", async () => {
    const tenantId = randomUUID();
    // Commits of 1 to 7 positions, one every 10 s, the last 5 s ago.
    await query(
      servers.databaseUrl,
      `WITH sizes AS (SELECT n, 1 + n * 5 % 7 AS size FROM generate_series(1, 300) AS n)
       INSERT INTO holdfast.commits (tenant_id, position, first_position, commit_time, hash)
       SELECT $1, sum(size) OVER w, sum(size) OVER w - size + 1, now() - (300 - n) * interval '10 s' - interval '5 s', ''
       FROM sizes WINDOW w AS (ORDER BY n)`,
      [tenantId],
    );
    const [end] = await query<{ position: bigint }>(
      servers.databaseUrl,
      "SELECT max(position) AS position FROM holdfast.commits WHERE tenant_id = $1",
      [tenantId],
    );
    const database = openTestDatabase(servers.databaseUrl);
    try {
      for (const seconds of [0, 6, 60, 777, 1500, 2994, 2996, 86_400]) {
        const [row] = await query<{ position: bigint | null }>(
          servers.databaseUrl,
          `SELECT max(position) AS position FROM holdfast.commits
           WHERE tenant_id = $1 AND commit_time <= now() - $2 * interval '1 s'`,
          [tenantId, seconds],
        );
        const found = await database.read(tenantId, (run) =>
          readPositionBefore(run, tenantId, seconds, present(end).position),
        );
        expect(found, `${seconds} s ago`).toBe(row?.position ?? 0n);
      }
    } finally {
      await database.close();
      await query(servers.databaseUrl, "DELETE FROM holdfast.commits WHERE tenant_id = $1", [tenantId]);
    }
  });

  test("tell of the tables without reading them", async () => {
    const tenant = newTenant(servers.app());
    await tenant.append(...Array.from({ length: 200 }, () => observation({ content: "x".repeat(500) })));
    const { tables, cacheHitRatio } = await statistics(tenant);
    const observations = present(tables.find(({ name }) => name === "observations"));
    expect(observations.tableBytes).toBeGreaterThan(100_000n);
    expect(observations.indexBytes).toBeGreaterThan(0n);
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(entities.map(({ table }) => table)),
    );
    expect(present(cacheHitRatio)).toBeGreaterThan(0.5);
    expect(present(cacheHitRatio)).toBeLessThanOrEqual(1);
  });

  test("are counted for what an older version stored, when the database is migrated", async () => {
    const tenant = newTenant(servers.app());
    const actionId = randomUUID();
    await tenant.append(observation(), action({ id: actionId }), startAction(actionId), decision());
    await tenant.rpc.unary(ActionService.method.deleteAction, { id: actionId });
    const before = await counts(tenant);
    await withConnection(servers.databaseUrl, async (client) => {
      await client.query("BEGIN");
      await client.query(
        "ALTER TABLE holdfast.tenant_logs DROP created_counts, DROP deleted_counts, DROP change_counts",
      );
      const { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } = await import("kysely");
      const { up } = await import("../src/store/migrations/0007-history.js");
      const connection = {
        executeQuery: async ({ sql, parameters }: { sql: string; parameters: readonly unknown[] }) =>
          client.query(sql, [...parameters]) as never,
        streamQuery: () => {
          throw new Error("nothing streams here");
        },
      };
      const idle = async () => {};
      const db = new Kysely<unknown>({
        dialect: {
          createAdapter: () => new PostgresAdapter(),
          createIntrospector: (each) => new PostgresIntrospector(each),
          createQueryCompiler: () => new PostgresQueryCompiler(),
          createDriver: () => ({
            init: idle,
            acquireConnection: async () => connection,
            beginTransaction: idle,
            commitTransaction: idle,
            rollbackTransaction: idle,
            releaseConnection: idle,
            destroy: idle,
          }),
        },
      });
      await up(db);
      await client.query("COMMIT");
    });
    expect(await counts(tenant)).toMatchObject({ ...before, SECURITY_AUDIT: expect.anything() });
    await expectSoundLog(servers.databaseUrl, tenant.id);
    await tenant.append(observation());
    expect(await counts(tenant)).toMatchObject({ OBSERVATION: [2n, 0n, 2n] });
  });
});

describe("storage information", () => {
  test("names the database and what was done to it", async () => {
    const { rpc } = newTenant(servers.app());
    const info = await rpc.unary(AdminService.method.getStorageInfo, {});
    const [{ version } = { version: "" }] = await query<{ version: string }>(
      servers.databaseUrl,
      "SELECT current_setting('server_version') AS version",
    );
    expect(info).toMatchObject({ databaseVersion: version, shape: DatabaseShape.EXTERNAL });
    expect(info.totalBytes).toBeGreaterThan(1_000_000n);
    expect(info.diskFreeBytes).toBeUndefined();
    const applied = await migrationStatus({ url: servers.databaseUrl });
    expect(info.migrations.map(({ name }) => name)).toEqual(applied.map(({ name }) => name));
    expect(present(info.migrations[0]?.applyTime).seconds).toBeGreaterThan(1_700_000_000n);
    expect(info.extensions.map(({ name }) => name)).toContain("plpgsql");
    expect(info.replication).toMatchObject({ isReplica: false, replicas: [] });
    expect(info.replication?.replayLag).toBeUndefined();
  });

  test("tells what is left of the disk of an embedded database", async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), "holdfast-storage-"));
    const database = openTestDatabase(servers.databaseUrl);
    try {
      const info = await storageInfo({ database, dataDirectory });
      expect(info.shape).toBe(DatabaseShape.EMBEDDED);
      expect(present(info.diskFreeBytes)).toBeGreaterThan(0n);
      expect(present(info.diskTotalBytes)).toBeGreaterThan(present(info.diskFreeBytes));
    } finally {
      await database.close();
      await rm(dataDirectory, { recursive: true });
    }
  });
});

function openTestDatabase(url: string) {
  const settings = { maxConnections: 2, connectTimeoutMs: 5000, statementTimeoutMs: 10_000 };
  return openDatabase({ url, preparedStatements: true, ...settings }, pino({ level: "silent" }));
}

test("every entity has a number that its counts are kept by", () => {
  const kinds = createCodecs(entities).all.map(({ entity }) => entity.kind);
  expect(new Set(kinds).size).toBe(entities.length);
  expect(Math.max(...kinds)).toBeLessThanOrEqual(entities.length);
});
