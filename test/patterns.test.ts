import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { ActionService } from "../gen/holdfast/v1/action_pb.js";
import {
  type CrossSessionPattern,
  type CrossSessionPatternSchema,
  CrossSessionPatternService,
  type MinePatternsRequestSchema,
  type QueryPatternsRequestSchema,
} from "../gen/holdfast/v1/cross_session_pattern_pb.js";
import { SessionService, SessionStatus } from "../gen/holdfast/v1/session_pb.js";
import { crossSessionPattern as entity } from "../src/entities/cross-session-pattern.js";
import { createEntityCodec } from "../src/entities/entity-codec.js";
import { DEFAULT_HALF_LIFE_SECONDS } from "../src/service/learning/query-patterns.js";
import { rankStatement } from "../src/store/pattern-ranking.js";
import { action } from "./support/entries.js";
import { withConnection } from "./support/query.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({}, {});
const { method } = CrossSessionPatternService;
const DAY_MS = 24 * 60 * 60 * 1000;

async function createPattern(
  tenant: Tenant,
  init: MessageInitShape<typeof CrossSessionPatternSchema> = {},
): Promise<CrossSessionPattern> {
  const answer = await tenant.rpc.unary(method.createCrossSessionPattern, { crossSessionPattern: init });
  return present(answer.crossSessionPattern);
}

async function use(
  tenant: Tenant,
  id: string,
  success: boolean,
  requestId = "",
): Promise<CrossSessionPattern> {
  const answer = await tenant.rpc.unary(method.recordPatternUse, { id, success, requestId });
  return present(answer.crossSessionPattern);
}

async function query(tenant: Tenant, request: MessageInitShape<typeof QueryPatternsRequestSchema> = {}) {
  const { patterns } = await tenant.rpc.unary(method.queryPatterns, request);
  return patterns.map(({ crossSessionPattern, effectiveConfidence }) => ({
    name: present(crossSessionPattern).description,
    effectiveConfidence,
  }));
}

/** A session with these actions, in this order, that then ended. */
async function finishedSession(
  tenant: Tenant,
  names: readonly string[],
  end: { status?: SessionStatus; successRate?: number; agentId?: string } = {},
): Promise<string> {
  const { agentId = "", successRate, status = SessionStatus.COMPLETED } = end;
  const { id } = await tenant.open({ agentId, ...(successRate !== undefined && { successRate }) });
  const entries = names.map((name) => action({ sessionId: id, name, tool: name === "pay" ? "bank" : "" }));
  if (entries.length > 0) await tenant.append(...entries);
  await tenant.rpc.unary(SessionService.method.closeSession, { id, status });
  return id;
}

async function mine(tenant: Tenant, request: MessageInitShape<typeof MinePatternsRequestSchema> = {}) {
  return tenant.rpc.unary(method.minePatterns, request);
}

describe("recording uses", () => {
  test("moves the count, the rate of success, the confidence and the time", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createPattern(tenant, { confidence: 0.5 });
    const outcomes = [true, true, false, true];
    for (const success of outcomes) await use(tenant, id, success);
    const after = await use(tenant, id, true);
    expect(after).toMatchObject({ usageCount: 5n, successRate: 0.8 });
    // Two uses at 0.5, then four successes of five.
    expect(after.confidence).toBeCloseTo(5 / 7, 12);
    expect(Math.abs(Number(present(after.lastUsedTime).seconds) - Date.now() / 1000)).toBeLessThan(60);
  });

  test("loses none of two servers' and counts a retry once", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createPattern(tenant, { confidence: 0.5 });
    const on = [tenant, tenant.on(servers.app(1))];
    const requestId = randomUUID();
    const again = await Promise.all(
      Array.from({ length: 6 }, (_, i) => use(present(on[i % 2]), id, true, requestId)),
    );
    for (const answer of again) expect(answer).toEqual(again[0]);
    await Promise.all(
      Array.from({ length: 12 }, async (_, writer) => {
        for (let n = 0; n < 10; n += 1) await use(present(on[writer % 2]), id, n % 5 < 2);
      }),
    );
    const after = await use(tenant, id, false);
    expect(after.usageCount).toBe(122n);
    expect(after.successRate).toBeCloseTo(49 / 122, 12);
    expect(after.confidence).toBeCloseTo(50 / 124, 12);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("refuses a pattern that is not there", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createPattern(tenant);
    expect(await refusal(use(newTenant(servers.app()), id, true))).toMatchObject({ reason: "NOT_FOUND" });
  });
});

describe("querying patterns", () => {
  const daysAgo = (days: number) => timestampFromMs(Date.now() - days * DAY_MS);

  test("goes by what the confidence is worth now", async () => {
    const tenant = newTenant(servers.app());
    const make = (description: string, confidence: number, days: number, type = "habit", agentId = "") =>
      createPattern(tenant, { description, confidence, type, agentId, lastUsedTime: daysAgo(days) });
    await make("old", 0.9, 90);
    await make("fresh", 0.5, 0);
    await make("month", 0.8, 30, "habit", "scout");
    await make("none", 0, 0, "void");
    await make("future", 0.45, -300, "void");
    await createPattern(tenant, { description: "new", confidence: 0.6 });
    const deleted = await make("deleted", 1, 0);
    await tenant.rpc.unary(method.deleteCrossSessionPattern, { id: deleted.id });
    const ranked = await query(tenant, { filter: { types: ["habit"] } });
    expect(ranked.map(({ name }) => name)).toEqual(["fresh", "month", "old"]);
    const values = ranked.map(({ effectiveConfidence }) => effectiveConfidence);
    for (const [i, value] of [0.5, 0.4, 0.9 / 8].entries()) expect(values[i]).toBeCloseTo(value, 4);
    const names = async (request: MessageInitShape<typeof QueryPatternsRequestSchema>) =>
      (await query(tenant, request)).map(({ name }) => name);
    expect(await names({ minEffectiveConfidence: 0.39 })).toEqual(["future", "new", "fresh", "month"]);
    expect(await names({ minEffectiveConfidence: 0.46 })).toEqual(["new", "fresh"]);
    expect(await names({ limit: 1, filter: { agentIds: ["scout"] } })).toEqual(["month"]);
    expect(await names({ filter: { types: ["void"] } })).toEqual(["future", "none"]);
    const halfLife = { seconds: 3650n * 86_400n };
    expect(await names({ halfLife, filter: { types: ["habit"] } })).toEqual(["old", "month", "fresh"]);
    expect(await query(newTenant(servers.app()))).toEqual([]);
    const unsound = { minEffectiveConfidence: Number.NaN, halfLife: { seconds: 0n } };
    expect(await refusal(query(tenant, unsound))).toMatchObject({
      fields: ["half_life", "min_effective_confidence"],
    });
    expect(await refusal(query(tenant, { minPosition: 99n }))).toMatchObject({
      reason: "POSITION_IN_FUTURE",
    });
  });

  test.each([[[]], [["habit"]]])("reads an index in order (types %j)", async (types) => {
    const tenant = newTenant(servers.app());
    const statement = rankStatement(createEntityCodec(entity), {
      tenantId: tenant.id,
      conditions: [
        { kind: "not deleted" },
        ...(types.length > 0 ? [{ kind: "any", column: "type", type: "text", values: types } as const] : []),
      ],
      halfLifeSeconds: DEFAULT_HALF_LIFE_SECONDS,
      minEffective: 0.3,
      nowSeconds: Date.now() / 1000,
      maxBytes: 1024 * 1024,
      limit: 50,
    });
    const plan = await withConnection(servers.databaseUrl, async (client) => {
      await client.query("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off");
      const { rows } = await client.query(`EXPLAIN ${statement.text}`, [...(statement.values ?? [])]);
      return rows.map((row) => Object.values(row)[0]).join("\n");
    });
    expect(plan).toMatch(
      types.length > 0 ? "cross_session_patterns_type_rank" : "cross_session_patterns_rank",
    );
    expect(plan).not.toContain("Sort");
    expect(plan).toMatch(/Index Cond: .*date_part/s);
  });
});

describe("mining patterns", () => {
  test("finds the sequences of finished sessions, with their success, and keeps them", async () => {
    const tenant = newTenant(servers.app());
    await finishedSession(tenant, ["search", "read", "pay"]);
    await finishedSession(tenant, ["ask", "search", "read"], { status: SessionStatus.FAILED });
    await finishedSession(tenant, ["search", "read", "pay", "search", "read"], { successRate: 0.5 });
    await finishedSession(tenant, []);
    const open = await tenant.open();
    await tenant.append(
      action({ sessionId: open.id, name: "ask" }),
      action({ sessionId: open.id, name: "search" }),
    );
    const mined = await mine(tenant);
    expect(mined).toMatchObject({ sessionCount: 3n, createdCount: 3, updatedCount: 0 });
    expect(mined.patterns).toMatchObject([
      { actions: ["search", "read"], support: 3n, occurrences: 4n, successRate: 0.5 },
      { actions: ["search", "read", "bank:pay"], support: 2n, occurrences: 2n, successRate: 0.75 },
      { actions: ["read", "bank:pay"], support: 2n, occurrences: 2n, successRate: 0.75 },
    ]);
    const [first] = mined.patterns;
    const kept = present(present(first).crossSessionPattern);
    expect(kept).toMatchObject({ type: "action_sequence", description: "search -> read", usageCount: 0n });
    expect(kept.confidence).toBeCloseTo(2.5 / 5, 12);
    expect(JSON.parse(Buffer.from(present(kept.data).data).toString())).toEqual({
      actions: ["search", "read"],
      support: 3,
      occurrences: 4,
      success_rate: 0.5,
    });
    expect((await query(tenant)).length).toBe(3);
    const before = await expectSoundLog(servers.databaseUrl, tenant.id);
    const again = await mine(tenant.on(servers.app(1)));
    expect(again).toEqual({ ...mined, createdCount: 0 });
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(before);
  });

  test("counts what forks share once for each that finished, with its own success", async () => {
    const tenant = newTenant(servers.app());
    const { rpc } = tenant;
    const { forkSession, closeSession } = SessionService.method;
    const act = (sessionId: string, ...names: string[]) =>
      tenant.append(...names.map((name) => action({ sessionId, name })));
    const fork = async (sessionId: string, ...names: string[]) => {
      const { session } = await rpc.unary(forkSession, { sessionId });
      await act(present(session).id, ...names);
      return present(session).id;
    };
    const { id: trunk } = await tenant.open();
    await act(trunk, "search", "read");
    const good = await fork(trunk, "pay");
    const bad = await fork(trunk, "guess");
    // Behind the forks, so in none of them; and a fork of a fork, which goes on from "pay".
    await act(trunk, "stop");
    const deep = await fork(good, "thank");
    await act(good, "stop");
    for (const id of [good, deep]) await rpc.unary(closeSession, { id });
    await rpc.unary(closeSession, { id: bad, status: SessionStatus.FAILED });
    const { patterns, sessionCount } = await mine(tenant, { minSupport: 1, maxLength: 4 });
    expect(sessionCount).toBe(3n);
    const found = new Map(
      patterns.map(({ actions, support, occurrences, successRate }) => [
        actions.join(" "),
        [Number(support), Number(occurrences), successRate],
      ]),
    );
    // The trunk has not finished: what it shares counts for its forks alone.
    expect(found.get("search read")).toEqual([3, 3, 2 / 3]);
    expect(found.get("search read pay")).toEqual([2, 2, 1]);
    expect(found.get("search read guess")).toEqual([1, 1, 0]);
    expect(found.get("search read pay thank")).toEqual([1, 1, 1]);
    expect(found.get("search read pay stop")).toEqual([1, 1, 1]);
    expect([...found.keys()].filter((key) => /read stop|thank stop|stop thank/.test(key))).toEqual([]);
    await rpc.unary(closeSession, { id: trunk, status: SessionStatus.FAILED });
    const again = await mine(tenant, { minSupport: 4, maxLength: 2 });
    expect(again.patterns.map(({ actions, successRate }) => [actions.join(" "), successRate])).toEqual([
      ["search read", 0.5],
    ]);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("renews what changed, keeps what uses taught and what was deleted", async () => {
    const tenant = newTenant(servers.app());
    for (let i = 0; i < 2; i += 1) await finishedSession(tenant, ["a", "b", "c"]);
    const ids = (await mine(tenant)).patterns.map((each) => present(each.crossSessionPattern).id);
    const [abc, ab, bc] = ids.map(present);
    const used = await use(tenant, present(ab), false);
    await tenant.rpc.unary(method.deleteCrossSessionPattern, { id: present(bc) });
    await finishedSession(tenant, ["a", "b"], { status: SessionStatus.ABANDONED });
    const mined = await mine(tenant);
    expect(mined).toMatchObject({ createdCount: 0, updatedCount: 1 });
    expect(mined.patterns.map((each) => each.crossSessionPattern?.id)).toEqual([ab, abc]);
    expect(mined.patterns[0]).toMatchObject({
      support: 3n,
      successRate: 2 / 3,
      crossSessionPattern: { usageCount: 1n, successRate: 0, confidence: used.confidence },
    });
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("goes by agent, support, length and limit, in the order of creation", async () => {
    const tenant = newTenant(servers.app());
    for (const agentId of ["scout", "scout", "cook"]) {
      // In one flush and with ids in no order: the log alone knows what came first.
      await finishedSession(tenant, ["a", "b", "c", "d"], { agentId });
    }
    const actionsOf = async (request: MessageInitShape<typeof MinePatternsRequestSchema>) =>
      (await mine(tenant, request)).patterns.map(({ actions }) => actions.join(""));
    expect(await actionsOf({})).toEqual(["abcd", "abc", "bcd", "ab", "bc", "cd"]);
    expect(await actionsOf({ maxLength: 2, limit: 2 })).toEqual(["ab", "bc"]);
    expect(await actionsOf({ minSupport: 4 })).toEqual([]);
    const scout = await mine(tenant, { sessions: { agentIds: ["scout"] }, limit: 1 });
    expect(scout).toMatchObject({ sessionCount: 2n, createdCount: 1 });
    expect(scout.patterns[0]).toMatchObject({ support: 2n, crossSessionPattern: { agentId: "scout" } });
    const later = { createTimeFrom: timestampFromMs(Date.now() + DAY_MS) };
    expect(await mine(tenant, { sessions: later })).toMatchObject({ sessionCount: 0n, patterns: [] });
    const unsound = {
      sessions: { statuses: [SessionStatus.ACTIVE] },
      maxLength: 11,
      limit: 501,
      minSupport: -1,
    };
    expect(await refusal(mine(tenant, unsound))).toMatchObject({
      fields: ["limit", "max_length", "min_support", "sessions.statuses"],
    });
  });

  test("reads sessions and actions past a page, and skips deleted actions", async () => {
    const tenant = newTenant(servers.app());
    for (let i = 0; i < 52; i += 1) await finishedSession(tenant, ["x", "y"]);
    const { id } = await tenant.open();
    const names = Array.from({ length: 1100 }, (_, i) => (i % 2 === 0 ? "x" : "y"));
    for (let from = 0; from < names.length; from += 500) {
      await tenant.append(...names.slice(from, from + 500).map((name) => action({ sessionId: id, name })));
    }
    const actionId = randomUUID();
    await tenant.append(action({ id: actionId, sessionId: id, name: "x" }));
    await tenant.rpc.unary(ActionService.method.deleteAction, { id: actionId });
    await tenant.rpc.unary(SessionService.method.closeSession, { id });
    const { patterns, sessionCount } = await mine(tenant, { maxLength: 2, minSupport: 1 });
    expect(sessionCount).toBe(53n);
    expect(
      patterns.map(({ actions, support, occurrences }) => [actions.join(""), support, occurrences]),
    ).toEqual([
      ["xy", 53n, 602n],
      ["yx", 1n, 549n],
    ]);
  });

  test("by two servers at once keeps each pattern once", async () => {
    const tenant = newTenant(servers.app());
    for (let i = 0; i < 2; i += 1) await finishedSession(tenant, ["a", "b", "c", "d", "e"]);
    const on = [tenant, tenant.on(servers.app(1))];
    const mined = await Promise.all(Array.from({ length: 6 }, (_, i) => mine(present(on[i % 2]))));
    expect(mined.reduce((sum, { createdCount }) => sum + createdCount, 0)).toBe(10);
    for (const { patterns } of mined) expect(patterns).toEqual(present(mined[0]).patterns);
    expect((await query(tenant)).length).toBe(10);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});
