import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { action, finishAction, observation, startAction } from "./support/entries.js";
import { query, withConnection } from "./support/query.js";
import { refusals, rejectionsByIndex } from "./support/refusal.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({});
const { getSession, listSessions, updateSession, closeSession, deleteSession } = SessionService.method;

describe("a tenant", () => {
  test("finds nothing of another by any RPC", async () => {
    const [owner, stranger] = [newTenant(servers.app()), newTenant(servers.app())];
    const { id } = await owner.open({ externalId: "mine", agentId: "planner" });
    const actionId = randomUUID();
    await owner.append(
      action({ id: actionId, sessionId: id }),
      observation({ sessionId: id, externalId: "o" }),
    );
    const { rpc } = stranger;
    const session = { id, type: "stolen" };
    for (const refused of await refusals([
      rpc.unary(getSession, { key: { case: "id", value: id } }),
      rpc.unary(getSession, { key: { case: "externalId", value: "mine" } }),
      rpc.unary(updateSession, { session, updateMask: { paths: ["type"] } }),
      rpc.unary(closeSession, { id }),
      rpc.unary(deleteSession, { id }),
    ])) {
      expect(refused).toMatchObject({ code: status.NOT_FOUND, reason: "NOT_FOUND" });
    }
    const { rejections } = await stranger.append(
      observation({ sessionId: id }),
      startAction(actionId),
      finishAction(actionId),
    );
    const reasons = [...rejectionsByIndex(rejections).values()].map((each) => each.reason);
    expect(reasons).toEqual(["SESSION_NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]);
    expect((await rpc.unary(listSessions, { filter: { includeDeleted: true } })).sessions).toEqual([]);
    expect(await stranger.listAll({ filter: { sessionIds: [id] } })).toEqual([]);
    expect(await rpc.unary(AdminService.method.getLogHead, {})).toMatchObject({ logId: "", position: 0n });
    expect(await stranger.subscribe({ after: { position: 0n } }).next()).toMatchObject({
      events: [],
      cursor: { position: 0n },
    });
    expect(await owner.listAll()).toHaveLength(3);
  });

  test("may use the ids and names another uses, each having its own", async () => {
    const tenants = [newTenant(servers.app()), newTenant(servers.app())];
    const entries = [observation({ externalId: "same" }), action({ externalId: "same" })];
    const session = { id: randomUUID(), externalId: "same" };
    for (const [i, tenant] of tenants.entries()) {
      const opened = await tenant.open({ ...session, goalsTotal: i });
      expect(opened).toMatchObject({ position: 1n, goalsTotal: i });
      const { positions, duplicates } = await tenant.append(...entries);
      expect([positions, duplicates]).toEqual([[2n, 3n], []]);
    }
    for (const tenant of tenants) expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(3n);
  });

  test("hears nothing of what another does", async () => {
    const [quiet, busy] = [newTenant(servers.app()), newTenant(servers.app())];
    const answers = quiet.subscribe();
    await answers.next();
    for (let i = 0; i < 20; i++) await busy.append(observation());
    const { positions } = await quiet.append(observation({ content: "own" }));
    expect(positions).toEqual([1n]);
    const heard = await answers.next();
    expect(heard?.events.map((event) => event.entity.value)).toMatchObject([{ content: "own" }]);
    answers.cancel();
  });

  test("is named in either case, and only by a UUID", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const same = newTenant(servers.app(), tenant.id.toUpperCase());
    expect((await same.rpc.unary(getSession, { key: { case: "id", value: id } })).session?.id).toBe(id);
    const none = newTenant(servers.app(), "'; DROP TABLE holdfast.sessions; --");
    for (const refused of await refusals([
      none.open(),
      none.append(observation()),
      none.subscribe().next(),
    ])) {
      expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ["holdfast-tenant"] });
    }
  });
});

describe("the runtime role", () => {
  const asRuntime = <T>(statement: string, tenantId?: string) =>
    withConnection(servers.databaseUrl, async (client) => {
      await client.query("BEGIN; SET LOCAL ROLE holdfast_runtime");
      if (tenantId) await client.query("SELECT set_config('holdfast.tenant', $1, true)", [tenantId]);
      return (await client.query(statement)).rows as T[];
    });
  const tables = async () =>
    (
      await query<{ table: string }>(
        servers.databaseUrl,
        `SELECT c.relname AS table FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind = 'r' AND a.attname = 'tenant_id'
         ORDER BY 1`,
      )
    ).map((row) => row.table);

  test("sees its tenant's rows and no others, and none when it names no tenant", async () => {
    const [one, two] = [newTenant(servers.app()), newTenant(servers.app())];
    for (const tenant of [one, two]) {
      const { id } = await tenant.open();
      await tenant.append(observation({ sessionId: id }), action({ sessionId: id }));
    }
    for (const table of await tables()) {
      const select = `SELECT DISTINCT tenant_id FROM holdfast.${table}`;
      expect(await asRuntime(select), `${table} without a tenant`).toEqual([]);
      const seen = await asRuntime<{ tenant_id: string }>(select, one.id);
      expect(
        seen.every((row) => row.tenant_id === one.id),
        table,
      ).toBe(true);
      expect(await asRuntime(select, randomUUID()), `${table} of a stranger`).toEqual([]);
    }
    expect(await asRuntime("SELECT FROM holdfast.observations", one.id)).toHaveLength(1);
  });

  test("may call what reads its own tenant, and nothing of the append path", async () => {
    const routines = await query<{ name: string; allowed: boolean; bound: boolean }>(
      servers.databaseUrl,
      `SELECT p.proname AS name, has_function_privilege('holdfast_runtime', p.oid, 'EXECUTE') AS allowed,
         p.provolatile = 's' AND p.prosrc LIKE '%v_tenant uuid := nullif(current_setting(''holdfast.tenant''%'
           AND NOT coalesce(p.proargnames::text ~ 'p_tenant', false) AS bound
       FROM pg_proc p WHERE p.pronamespace = 'holdfast'::regnamespace ORDER BY 1`,
    );
    const allowed = routines.filter((each) => each.allowed);
    expect(allowed.map(({ name }) => name)).toContain("ids_containing");
    expect(allowed.filter(({ bound }) => !bound)).toEqual([]);
    const denied = routines.filter((each) => !each.allowed).map(({ name }) => name);
    expect(denied).toEqual(
      expect.arrayContaining(["begin_append", "put_goals", "put_observations", "lock_goals", "tenant_ids"]),
    );
    const [victim, attacker] = [newTenant(servers.app()), newTenant(servers.app())];
    await victim.append(observation());
    const forged = `SELECT holdfast.begin_append('${victim.id}', 1, '', NULL, NULL, NULL, NULL)`;
    await expect(asRuntime(forged, attacker.id)).rejects.toMatchObject({ code: "42501" });
    expect(await expectSoundLog(servers.databaseUrl, victim.id)).toBe(1n);
  });

  test("sees none after a transaction that named a tenant", async () => {
    const tenant = newTenant(servers.app());
    await tenant.open();
    await withConnection(servers.databaseUrl, async (client) => {
      await client.query("SET ROLE holdfast_runtime");
      await client.query("BEGIN");
      await client.query("SELECT set_config('holdfast.tenant', $1, true)", [tenant.id]);
      expect((await client.query("SELECT FROM holdfast.sessions")).rows).toHaveLength(1);
      await client.query("COMMIT");
      expect((await client.query("SELECT FROM holdfast.sessions")).rows).toHaveLength(0);
    });
  });

  test("can change no table", async () => {
    const tenant = newTenant(servers.app());
    await tenant.open();
    for (const table of await tables()) {
      for (const statement of [
        `INSERT INTO holdfast.${table} (tenant_id) SELECT tenant_id FROM holdfast.${table}`,
        `UPDATE holdfast.${table} SET tenant_id = tenant_id`,
        `DELETE FROM holdfast.${table}`,
        `TRUNCATE holdfast.${table}`,
        `DROP TABLE holdfast.${table}`,
      ]) {
        await expect(asRuntime(statement, tenant.id), statement).rejects.toMatchObject({ code: "42501" });
      }
    }
    for (const statement of ["CREATE TABLE holdfast.own (id int)", "SELECT * FROM holdfast.migrations"]) {
      await expect(asRuntime(statement), statement).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("owns nothing, bypasses nothing, and cannot become another role", async () => {
    const roles = await query(
      servers.databaseUrl,
      `SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole,
         (SELECT array_agg(m.roleid::regrole::text) FROM pg_auth_members m WHERE m.member = r.oid) AS memberships,
         (SELECT count(*)::int FROM pg_class c WHERE c.relowner = r.oid) AS tables
       FROM pg_roles r WHERE rolname ~ '^holdfast_' ORDER BY 1`,
    );
    const nothing = { rolsuper: false, rolbypassrls: false, rolcanlogin: false, rolcreaterole: false };
    expect(roles).toEqual(
      [
        { rolname: "holdfast_append", memberships: null },
        { rolname: "holdfast_runtime", memberships: null },
        { rolname: "holdfast_writer", memberships: ["holdfast_runtime"] },
      ].map((role) => ({ ...role, ...nothing, tables: 0 })),
    );
  });
});

describe("every table that has a tenant", () => {
  test("enables and forces row-level security", async () => {
    const open = await query(
      servers.databaseUrl,
      `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'tenant_id'
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`,
    );
    expect(open).toEqual([]);
  });

  test("has tenant_id first in each index and in its primary key", async () => {
    const others = await query(
      servers.databaseUrl,
      `SELECT i.indexrelid::regclass::text AS index FROM pg_index i
       JOIN pg_class c ON c.oid = i.indrelid
       JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'
       WHERE c.relnamespace = 'holdfast'::regnamespace AND i.indkey[0] <> t.attnum
         AND pg_get_indexdef(i.indexrelid) NOT LIKE '%USING gin%tenant_id%'
       ORDER BY index`,
    );
    // Their terms begin with a hash of the tenant.
    expect(others).toEqual([
      { index: "holdfast.memories_sampled_terms" },
      { index: "holdfast.memories_search_terms" },
    ]);
    const withoutKey = await query(
      servers.databaseUrl,
      `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
       WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind = 'r'
         AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)`,
    );
    expect(withoutKey).toEqual([]);
  });

  test("is every table that holds what callers wrote", async () => {
    const without = await query<{ relname: string }>(
      servers.databaseUrl,
      `SELECT c.relname FROM pg_class c
       WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind IN ('r', 'p') AND NOT EXISTS (
         SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
       ORDER BY 1`,
    );
    expect(without.map((row) => row.relname)).toEqual([
      "migrations",
      "migrations_lock",
      "routines",
      "servers",
    ]);
  });

  test("has functions that run only for the roles they are for", async () => {
    const loose = await query(
      servers.databaseUrl,
      `SELECT p.oid::regprocedure::text FROM pg_proc p
       WHERE p.pronamespace = 'holdfast'::regnamespace AND (
         has_function_privilege('public', p.oid, 'EXECUTE')
         OR NOT p.prosecdef OR NOT EXISTS (
           SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search\\_path=%pg_temp'))`,
    );
    expect(loose).toEqual([]);
  });
});
