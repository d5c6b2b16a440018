import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ConfigurationService } from "../gen/holdfast/v1/configuration_pb.js";
import { MemoryService, MemoryType } from "../gen/holdfast/v1/memory_pb.js";
import {
  type SecurityAudit,
  type SecurityAuditFilter,
  SecurityAuditService,
  SecurityLevel,
} from "../gen/holdfast/v1/security_audit_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { SYSTEM_TENANT_ID } from "../src/core/principal.js";
import { payload } from "./support/entries.js";
import { query, withConnection } from "./support/query.js";
import { refusal } from "./support/refusal.js";
import type { RpcClient } from "./support/rpc-client.js";
import { newTenant, present } from "./support/tenant.js";
import { useTokenServer } from "./support/token-server.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const TENANT = randomUUID();
const DENIED_CALLS_DELAY_MS = 100;
/** Milliseconds after which what did not come does not come. */
const NEVER_MS = 60_000;

const server = useTokenServer(
  [
    { name: "reader", tenant: TENANT, roles: ["reader"] },
    { name: "flooder", tenant: TENANT, roles: ["reader"] },
    { name: "writer", tenant: TENANT },
    { name: "operator", tenant: SYSTEM_TENANT_ID, roles: ["reader"] },
  ],
  { deniedCallsDelayMs: DENIED_CALLS_DELAY_MS },
);
const open = useServers({});
const { method } = SecurityAuditService;
const OPEN_SESSION = "/holdfast.v1.SessionService/OpenSession";

async function audits(rpc: RpcClient, filter: Partial<SecurityAuditFilter> = {}): Promise<SecurityAudit[]> {
  const { $typeName: _, ...fields } = { ...filter } as SecurityAuditFilter;
  return (await rpc.unary(method.listSecurityAudits, { filter: fields, pageSize: 1000 })).securityAudits;
}

async function soon(find: () => Promise<SecurityAudit[]>, count = 1): Promise<SecurityAudit[]> {
  for (const end = Date.now() + NEVER_MS; ; await delay(50)) {
    const found = await find();
    if (found.length >= count || Date.now() > end) return found;
  }
}

function metadataOf(audit: SecurityAudit | undefined) {
  return JSON.parse(Buffer.from(present(audit?.metadata).data).toString());
}

describe("a denied call", () => {
  test("of a known caller is in the log of its tenant", async () => {
    await refusal(server.as("reader").unary(SessionService.method.openSession, {}));
    const found = await soon(() => audits(server.as("writer"), { operations: [OPEN_SESSION] }));
    expect(found).toMatchObject([
      { actor: "token:reader", valid: false, level: SecurityLevel.HIGH, byHoldfast: true },
    ]);
    expect(found[0]?.message).toContain("needs the role");
    expect(metadataOf(found[0])).toMatchObject({ count: 1, addresses: ["127.0.0.1"] });
  });

  test("for another tenant is in the log of the caller's", async () => {
    const elsewhere = randomUUID();
    await refusal(server.as("writer", elsewhere).unary(ConfigurationService.method.listConfigurations, {}));
    const operations = ["/holdfast.v1.ConfigurationService/ListConfigurations"];
    expect(await soon(() => audits(server.as("reader"), { operations }))).toMatchObject([
      { actor: "token:writer", valid: false },
    ]);
    const logs = await query(server.databaseUrl, "SELECT 1 FROM holdfast.tenant_logs WHERE tenant_id = $1", [
      elsewhere,
    ]);
    expect(logs).toEqual([]);
  });

  test("of nobody known is in the log of the system tenant, without its token", async () => {
    const token = "not-a-token-anyone-was-given";
    await refusal(server.as(token).unary(SessionService.method.listSessions, {}));
    const operations = ["/holdfast.v1.SessionService/ListSessions"];
    const found = await soon(() => audits(server.as("operator"), { operations }));
    expect(found).toMatchObject([{ actor: "unauthenticated", valid: false, level: SecurityLevel.MEDIUM }]);
    expect(await audits(server.as("writer"), { operations })).toEqual([]);
    const kept = await query<{ found: boolean }>(
      server.databaseUrl,
      "SELECT strpos(string_agg(a::text, ''), $1) > 0 AS found FROM holdfast.security_audits a",
      [token],
    );
    expect(kept).toEqual([{ found: false }]);
  });

  test("is counted and not stored by itself when there is a flood of them", async () => {
    const reader = server.as("flooder");
    const start = performance.now();
    const calls = Array.from({ length: 500 }, () =>
      refusal(reader.unary(SessionService.method.openSession, {})),
    );
    await Promise.all(calls);
    const delays = (performance.now() - start) / DENIED_CALLS_DELAY_MS;
    const find = () => audits(server.as("writer"), { actors: ["token:flooder"] });
    const counted = (found: SecurityAudit[]) =>
      found.map((audit) => metadataOf(audit).count as number).reduce((sum, count) => sum + count, 0);
    let found = await find();
    for (const end = Date.now() + NEVER_MS; counted(found) < 500 && Date.now() < end; found = await find()) {
      await delay(100);
    }
    expect(counted(found)).toBe(500);
    // The first by itself; then one for each time that they were gathered, which on a busy machine are more.
    expect(found.length).toBeLessThan(8 + delays);
  });
});

describe("a deletion", () => {
  test("and its audit are stored together, a retry of it not again", async () => {
    const tenant = newTenant(open.app());
    const memory = { id: randomUUID(), type: MemoryType.EPISODIC, content: "x" };
    await tenant.rpc.unary(MemoryService.method.createMemory, { memory });
    const request = { id: memory.id.toUpperCase(), requestId: randomUUID() };
    const { memory: deleted } = await tenant.rpc.unary(MemoryService.method.deleteMemory, request);
    await tenant.rpc.unary(MemoryService.method.deleteMemory, request);
    const found = await audits(tenant.rpc);
    expect(found).toMatchObject([
      {
        operation: "/holdfast.v1.MemoryService/DeleteMemory",
        actor: "anonymous",
        target: memory.id,
        valid: true,
        byHoldfast: true,
        position: present(deleted).position + 1n,
      },
    ]);
    expect(found[0]?.createTime).toEqual(deleted?.deleteTime && deleted.updateTime);
    expect((await tenant.listAll()).map((event) => event.entity.case)).toEqual([
      "memory",
      "memory",
      "securityAudit",
    ]);
    await expectSoundLog(open.databaseUrl, tenant.id);
  });

  test("that is refused leaves no audit that says it was made", async () => {
    const tenant = newTenant(open.app());
    await refusal(tenant.rpc.unary(MemoryService.method.deleteMemory, { id: randomUUID() }));
    await refusal(tenant.rpc.unary(MemoryService.method.deleteMemory, { id: "\0" }));
    expect(await audits(tenant.rpc)).toEqual([]);
  });
});

test("a rollback is audited with it", async () => {
  const tenant = newTenant(open.app());
  const { configuration } = await tenant.rpc.unary(ConfigurationService.method.createConfiguration, {
    configuration: { key: "k", value: payload("1") },
  });
  const id = present(configuration).id;
  await tenant.rpc.unary(ConfigurationService.method.rollbackConfiguration, { id, revision: 1n });
  expect(await audits(tenant.rpc)).toMatchObject([
    { operation: "/holdfast.v1.ConfigurationService/RollbackConfiguration", target: id, position: 3n },
  ]);
});

describe("a caller's audit", () => {
  test("is kept as given, and cannot pass for Holdfast's own", async () => {
    const tenant = newTenant(open.app());
    const securityAudit = {
      operation: "file_write",
      actor: "agent",
      target: "/etc/passwd",
      byHoldfast: true,
    };
    const created = await tenant.rpc.unary(method.createSecurityAudit, { securityAudit });
    await tenant.append({ entry: { case: "securityAudit", value: securityAudit } });
    expect(created.securityAudit).toMatchObject({ operation: "file_write", byHoldfast: false });
    expect((await audits(tenant.rpc)).map(({ byHoldfast }) => byHoldfast)).toEqual([false, false]);
    expect(await audits(tenant.rpc, { byHoldfast: true })).toEqual([]);
  });

  test("is listed by level, validity, actor, operation and time", async () => {
    const tenant = newTenant(open.app());
    const levels = [SecurityLevel.LOW, SecurityLevel.MEDIUM, SecurityLevel.HIGH, SecurityLevel.CRITICAL];
    for (const [i, level] of levels.entries()) {
      const securityAudit = { operation: `o${i}`, actor: `a${i % 2}`, level, valid: i > 1 };
      await tenant.rpc.unary(method.createSecurityAudit, { securityAudit });
    }
    const listed = async (filter: Partial<SecurityAuditFilter>) =>
      (await audits(tenant.rpc, filter)).map(({ operation }) => operation);
    expect(await listed({ levels: [SecurityLevel.HIGH, SecurityLevel.CRITICAL] })).toEqual(["o3", "o2"]);
    expect(await listed({ valid: false })).toEqual(["o1", "o0"]);
    expect(await listed({ actors: ["a0"] })).toEqual(["o2", "o0"]);
    expect(await listed({ operations: ["o1", "o2"], valid: true })).toEqual(["o2"]);
    const third = (await audits(tenant.rpc))[1];
    expect(await listed({ createTimeFrom: present(third?.createTime) })).toEqual(["o3", "o2"]);
    expect(await listed({ createTimeBefore: present(third?.createTime) })).toEqual(["o1", "o0"]);
  });
});

test.each(["observations", "decisions", "performance_metrics", "security_audits", "revisions", "commits"])(
  "nobody who serves callers may change or remove rows of %s",
  async (table) => {
    const grants = await query<{ role: string; privilege: string }>(
      open.databaseUrl,
      `SELECT r AS role, p AS privilege
       FROM unnest('{holdfast_runtime,holdfast_append}'::text[]) r,
         unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,TRIGGER,REFERENCES}'::text[]) p
       WHERE has_table_privilege(r, $1, p) OR (p IN ('INSERT', 'UPDATE') AND has_any_column_privilege(r, $1, p))
       ORDER BY 1, 2`,
      [`holdfast.${table}`],
    );
    const updatable = await query<{ column: string }>(
      open.databaseUrl,
      `SELECT attname AS column FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND has_column_privilege('holdfast_append', $1, attnum, 'UPDATE')`,
      [`holdfast.${table}`],
    );
    // The time at which a rolled back import took a row back, and nothing else.
    const isOfLog = table === "revisions" || table === "commits";
    expect(updatable).toEqual(isOfLog ? [] : [{ column: "withdraw_time" }]);
    expect(grants).toEqual([
      { role: "holdfast_append", privilege: "INSERT" },
      { role: "holdfast_append", privilege: "SELECT" },
      ...(updatable.length > 0 ? [{ role: "holdfast_append", privilege: "UPDATE" }] : []),
      { role: "holdfast_runtime", privilege: "SELECT" },
    ]);
    await withConnection(open.databaseUrl, async (client) => {
      for (const role of ["holdfast_runtime", "holdfast_append"]) {
        for (const sql of [
          `DELETE FROM holdfast.${table}`,
          `UPDATE holdfast.${table} SET tenant_id = tenant_id`,
        ]) {
          await client.query("BEGIN");
          await client.query(`SET LOCAL ROLE ${role}`);
          await expect(client.query(sql)).rejects.toThrow(/permission denied/);
          await client.query("ROLLBACK");
        }
      }
    });
  },
);

test("every log is sound at the end", async () => {
  for (const tenant of [TENANT, SYSTEM_TENANT_ID]) await expectSoundLog(server.databaseUrl, tenant);
});
