import { randomUUID } from "node:crypto";
import { fromBinary, type MessageInitShape, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { ActionService } from "../gen/holdfast/v1/action_pb.js";
import { AdminService, type GetStateAtRequestSchema } from "../gen/holdfast/v1/admin_pb.js";
import { EventSchema, EventService, type Event as LogEvent } from "../gen/holdfast/v1/event_pb.js";
import { ChangeType, EntityKind } from "../gen/holdfast/v1/log_pb.js";
import {
  type ForkSessionRequestSchema,
  type Session,
  SessionService,
  SessionStatus,
} from "../gen/holdfast/v1/session_pb.js";
import { openDatabase } from "../src/store/database.js";
import type { ChangeFilter } from "../src/store/read-changes.js";
import { readRevisionsEnd } from "../src/store/read-revisions-end.js";
import { action, finishAction, metric, observation, payload, startAction } from "./support/entries.js";
import { propertyRuns } from "./support/property-runs.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present, readUpTo, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({});

async function fork(
  { rpc }: Tenant,
  request: MessageInitShape<typeof ForkSessionRequestSchema>,
): Promise<Session> {
  return present((await rpc.unary(SessionService.method.forkSession, request)).session);
}

async function stateAt(
  { rpc }: Tenant,
  request: MessageInitShape<typeof GetStateAtRequestSchema>,
): Promise<LogEvent[]> {
  const items: LogEvent[] = [];
  let pageToken = "";
  do {
    const page = await rpc.unary(AdminService.method.getStateAt, { pageSize: 1000, ...request, pageToken });
    items.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return items;
}

function positions(events: readonly LogEvent[]): readonly number[] {
  return events.map((event) => Number(event.position));
}

function entityId(event: LogEvent): string {
  return (event.entity.value as { id: string }).id;
}

/** Positions 1 to 6: a session, an observation, an action created and started, a metric elsewhere, an action finished. */
async function writeSession(tenant: Tenant) {
  const session = await tenant.open({
    agentId: "planner",
    type: "research",
    labels: { team: "a" },
    goalsTotal: 3,
    successRate: 0.5,
    metadata: payload('{"n": 1, "n": 2}'),
  });
  const actionId = randomUUID();
  await tenant.append(observation({ sessionId: session.id, content: "first" }));
  await tenant.append(
    action({ id: actionId, sessionId: session.id, agentId: "planner" }),
    startAction(actionId),
  );
  await tenant.append(metric({ agentId: "planner" }));
  await tenant.append(finishAction(actionId));
  return { session, actionId };
}

describe("a fork", () => {
  test("starts ACTIVE from what the other session was then", async () => {
    const tenant = newTenant(servers.app());
    const { session } = await writeSession(tenant);
    await tenant.rpc.unary(SessionService.method.updateSession, {
      session: { id: session.id, type: "changed since" },
      updateMask: { paths: ["type"] },
    });
    await tenant.rpc.unary(SessionService.method.closeSession, { id: session.id });
    const forked = await fork(tenant, {
      sessionId: session.id,
      atPosition: 4n,
      session: { agentId: "critic" },
    });
    expect(forked).toMatchObject({
      status: SessionStatus.ACTIVE,
      parentSessionId: session.id,
      forkPosition: 4n,
      agentId: "critic",
      type: "research",
      labels: { team: "a" },
      goalsTotal: 3,
      successRate: 0.5,
      revision: 1n,
      position: 9n,
    });
    expect(Buffer.from(present(forked.metadata).data).toString()).toBe('{"n": 1, "n": 2}');
    const now = await fork(tenant, { sessionId: session.id });
    expect(now).toMatchObject({ forkPosition: 9n, type: "changed since", agentId: "planner" });
    expect(now.endTime).toBeUndefined();
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("made again with the same id is the first one, whatever happened since", async () => {
    const tenant = newTenant(servers.app());
    const { session } = await writeSession(tenant);
    const id = randomUUID();
    const request = { sessionId: session.id, session: { id, labels: { b: "1", a: "2" } } };
    const first = await fork(tenant, request);
    await tenant.append(observation({ sessionId: id }));
    await tenant.rpc.unary(SessionService.method.deleteSession, { id: session.id });
    expect(await fork(tenant, request)).toEqual(first);
    expect(first.forkPosition).toBe(6n);
    const other = await refusal(fork(tenant, { ...request, atPosition: 5n }));
    expect(other).toMatchObject({ code: 6, reason: "ID_CONFLICT" });
    const opened = await refusal(
      tenant.open({ id, labels: { b: "1", a: "2" }, parentSessionId: session.id }),
    );
    expect(opened).toMatchObject({ reason: "ID_CONFLICT" });
  });

  test("is made once by many callers at once", async () => {
    const tenant = newTenant(servers.app());
    const { session } = await writeSession(tenant);
    const request = { sessionId: session.id, atPosition: 3n, session: { id: randomUUID() } };
    const answers = await Promise.all(Array.from({ length: 8 }, () => fork(tenant, request)));
    expect(new Set(answers.map((answer) => answer.position))).toEqual(new Set([7n]));
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(7n);
  });

  test("of what is not there is refused", async () => {
    const tenant = newTenant(servers.app());
    const { session } = await writeSession(tenant);
    const later = await tenant.open();
    const refused = (request: MessageInitShape<typeof ForkSessionRequestSchema>) =>
      refusal(fork(tenant, request));
    const unknown = randomUUID();
    expect(await refused({ sessionId: unknown })).toMatchObject({
      reason: "NOT_FOUND",
      metadata: { id: unknown },
    });
    expect(await refused({ sessionId: later.id, atPosition: 3n })).toMatchObject({
      code: 5,
      reason: "NOT_FOUND",
    });
    expect(await refused({ sessionId: session.id, atPosition: 99n })).toMatchObject({
      code: 11,
      reason: "POSITION_IN_FUTURE",
    });
    expect(
      await refused({ sessionId: "x", atPosition: -1n, session: { parentSessionId: later.id } }),
    ).toMatchObject({ fields: ["at_position", "session.parent_session_id", "session_id"] });
    expect(await refused({ sessionId: session.id, session: { goalsTotal: -1 } })).toMatchObject({
      fields: ["session.goals_total"],
    });
    const stranger = newTenant(servers.app());
    expect(await refusal(fork(stranger, { sessionId: session.id }))).toMatchObject({ reason: "NOT_FOUND" });
    await tenant.rpc.unary(SessionService.method.deleteSession, { id: session.id });
    expect(await refused({ sessionId: session.id })).toMatchObject({
      reason: "SESSION_CLOSED",
      metadata: { status: "DELETED" },
    });
    expect(await fork(tenant, { sessionId: session.id, atPosition: 6n })).toMatchObject({ forkPosition: 6n });
  });

  test("position is not for callers to set", async () => {
    const tenant = newTenant(servers.app());
    const opened = await tenant.open({ forkPosition: 5n, parentSessionId: randomUUID() });
    expect(opened.forkPosition).toBe(0n);
  });

  test("of forks goes 64 deep and no deeper", async () => {
    const tenant = newTenant(servers.app());
    let last = await tenant.open();
    for (let depth = 1; depth <= 64; depth += 1) last = await fork(tenant, { sessionId: last.id });
    const filter = { sessionIds: [last.id], includeAncestors: true };
    expect((await tenant.listAll({ filter })).length).toBe(65);
    expect(await refusal(fork(tenant, { sessionId: last.id }))).toMatchObject({
      code: 3,
      reason: "LIMIT_EXCEEDED",
      fields: ["session_id"],
    });
  });
});

describe("the past of a fork", () => {
  test("is read up to each fork, in order, by page and by subscription", async () => {
    const tenant = newTenant(servers.app());
    const { session } = await writeSession(tenant); // 1 to 6, of which 5 is of no session
    const child = await fork(tenant, { sessionId: session.id, atPosition: 4n }); // 7
    await tenant.append(observation({ sessionId: session.id })); // 8
    await tenant.append(observation({ sessionId: child.id })); // 9
    const grandchild = await fork(tenant, { sessionId: child.id, atPosition: 8n }); // 10
    await tenant.append(observation({ sessionId: child.id }), observation({ sessionId: grandchild.id })); // 11, 12
    const filter = { sessionIds: [grandchild.id], includeAncestors: true };
    expect(positions(await tenant.listAll({ filter }))).toEqual([1, 2, 3, 4, 7, 10, 12]);
    expect(positions(await tenant.listAll({ filter, pageSize: 2 }))).toEqual([1, 2, 3, 4, 7, 10, 12]);
    expect(positions(await tenant.listAll({ filter, after: { position: 4n } }))).toEqual([7, 10, 12]);
    expect(positions(await tenant.listAll({ filter: { ...filter, includeAncestors: false } }))).toEqual([
      10, 12,
    ]);
    expect(
      positions(await tenant.listAll({ filter: { ...filter, entityKinds: [EntityKind.OBSERVATION] } })),
    ).toEqual([2, 12]);
    // One that is asked for by itself is not cut.
    const both = { ...filter, sessionIds: [grandchild.id, session.id, grandchild.id] };
    expect(positions(await tenant.listAll({ filter: both }))).toEqual([1, 2, 3, 4, 6, 7, 8, 10, 12]);

    const stored = await readUpTo(tenant.subscribe({ after: { position: 0n }, filter }), 12n);
    expect(positions(stored)).toEqual([1, 2, 3, 4, 7, 10, 12]);
    const live = tenant.subscribe({ filter });
    await live.next();
    await tenant.append(
      observation({ sessionId: session.id }),
      observation({ sessionId: child.id }),
      observation({ sessionId: grandchild.id }),
    );
    expect(positions(await readUpTo(live, 15n))).toEqual([15]);
  });

  test("is kept in memory as it is in the database", async () => {
    const tenant = newTenant(servers.app());
    const follower = tenant.subscribe({}); // holds the feed, so that what follows stays in memory
    await follower.next();
    const { session } = await writeSession(tenant);
    const child = await fork(tenant, { sessionId: session.id, atPosition: 3n });
    const filter = { sessionIds: [child.id], includeAncestors: true };
    expect(positions(await readUpTo(tenant.subscribe({ after: { position: 0n }, filter }), 7n))).toEqual([
      1, 2, 3, 7,
    ]);
    follower.cancel();
  });

  test("is not the fork's to change", async () => {
    const tenant = newTenant(servers.app());
    const { session, actionId } = await writeSession(tenant);
    await tenant.rpc.unary(SessionService.method.closeSession, { id: session.id });
    const child = await fork(tenant, { sessionId: session.id, atPosition: 3n });
    const changed = tenant.rpc.unary(ActionService.method.updateAction, {
      action: { id: actionId, name: "renamed" },
      updateMask: { paths: ["name"] },
    });
    expect(await refusal(changed)).toMatchObject({ reason: "SESSION_CLOSED", metadata: { id: session.id } });
    const moved = tenant.rpc.unary(ActionService.method.updateAction, {
      action: { id: actionId, sessionId: child.id },
      updateMask: { paths: ["session_id"] },
    });
    expect(await refusal(moved)).toMatchObject({ reason: "INVALID_FIELD" });
  });
});

describe("the state at a position", () => {
  test("is what stood then, of a session, its forks and an agent", async () => {
    const tenant = newTenant(servers.app());
    const { session } = await writeSession(tenant);
    const child = await fork(tenant, { sessionId: session.id, atPosition: 5n }); // 7
    const of = (sessionId: string, position: bigint, more = {}) =>
      stateAt(tenant, { subject: { case: "sessionId", value: sessionId }, position, ...more });
    expect(positions(await of(session.id, 3n))).toEqual([1, 2, 3]);
    expect(positions(await of(session.id, 5n))).toEqual([1, 2, 4]);
    expect(positions(await of(session.id, 0n))).toEqual([1, 2, 6]);
    // The action as it was at the fork, though it was finished since.
    expect(positions(await of(child.id, 0n))).toEqual([1, 2, 4, 7]);
    expect(positions(await of(child.id, 0n, { excludeAncestors: true }))).toEqual([7]);
    expect(positions(await of(session.id, 0n, { entityKinds: [EntityKind.ACTION] }))).toEqual([6]);
    const agent = { subject: { case: "agentId", value: "planner" } } as const;
    expect(positions(await stateAt(tenant, { ...agent, position: 5n }))).toEqual([1, 4, 5]);
    await tenant.rpc.unary(SessionService.method.updateSession, {
      session: { id: session.id, agentId: "other" },
      updateMask: { paths: ["agent_id"] },
    });
    expect(positions(await stateAt(tenant, agent))).toEqual([5, 6, 7]);
    expect(positions(await stateAt(tenant, { ...agent, position: 6n }))).toEqual([1, 5, 6]);
  });

  test("leaves out what was deleted by then, unless asked for", async () => {
    const tenant = newTenant(servers.app());
    const { session, actionId } = await writeSession(tenant);
    await tenant.rpc.unary(ActionService.method.deleteAction, { id: actionId });
    const of = { subject: { case: "sessionId", value: session.id } } as const;
    expect(positions(await stateAt(tenant, of))).toEqual([1, 2]);
    expect(positions(await stateAt(tenant, { ...of, includeDeleted: true }))).toEqual([1, 2, 7]);
    expect(positions(await stateAt(tenant, { ...of, position: 6n }))).toEqual([1, 2, 6]);
  });

  test("keeps its position over all pages, whatever is written meanwhile", async () => {
    const tenant = newTenant(servers.app());
    const { session, actionId } = await writeSession(tenant);
    const request = { subject: { case: "sessionId", value: session.id }, pageSize: 1 } as const;
    const method = AdminService.method.getStateAt;
    const first = await tenant.rpc.unary(method, request);
    expect([first.cursor?.position, ...positions(first.items)]).toEqual([6n, 1]);
    await tenant.rpc.unary(ActionService.method.deleteAction, { id: actionId });
    await tenant.append(observation({ sessionId: session.id }));
    const second = await tenant.rpc.unary(method, { ...request, pageToken: first.nextPageToken });
    const third = await tenant.rpc.unary(method, { ...request, pageToken: second.nextPageToken });
    expect([...positions(second.items), ...positions(third.items)]).toEqual([2, 6]);
    expect([third.cursor?.position, third.nextPageToken]).toEqual([6n, ""]);
    const foreign = tenant.rpc.unary(method, { ...request, position: 3n, pageToken: first.nextPageToken });
    expect(await refusal(foreign)).toMatchObject({ reason: "INVALID_PAGE_TOKEN" });
  });

  test("of what is not there is refused", async () => {
    const tenant = newTenant(servers.app());
    await writeSession(tenant);
    const later = await tenant.open();
    const refused = (request: MessageInitShape<typeof GetStateAtRequestSchema>) =>
      refusal(stateAt(tenant, request));
    const of = (value: string) => ({ case: "sessionId", value }) as const;
    expect(await refused({})).toMatchObject({ fields: ["session_id"] });
    expect(await refused({ subject: { case: "agentId", value: "" }, position: -1n })).toMatchObject({
      fields: ["agent_id", "position"],
    });
    expect(await refused({ subject: of(randomUUID()) })).toMatchObject({ reason: "NOT_FOUND" });
    expect(await refused({ subject: of(later.id), position: 6n })).toMatchObject({ reason: "NOT_FOUND" });
    expect(await refused({ subject: of(later.id), position: 8n })).toMatchObject({
      reason: "POSITION_IN_FUTURE",
    });
    expect(await refused({ subject: of(later.id), minPosition: 8n })).toMatchObject({ code: 11 });
    expect(await refused({ subject: of(later.id), entityKinds: [99 as EntityKind] })).toMatchObject({
      fields: ["entity_kinds[0]"],
    });
    const stranger = newTenant(servers.app());
    expect(await refusal(stateAt(stranger, { subject: of(later.id) }))).toMatchObject({
      reason: "NOT_FOUND",
    });
    expect(await stateAt(stranger, { subject: { case: "agentId", value: "planner" } })).toEqual([]);
  });

  test("is read in steps of so many revisions, however often things changed", async () => {
    const tenant = newTenant(servers.app());
    const { session } = await writeSession(tenant); // its revisions are at 1, 3, 4 and 6
    const child = await fork(tenant, { sessionId: session.id, atPosition: 4n }); // 7
    const settings = { maxConnections: 1, connectTimeoutMs: 5000, statementTimeoutMs: 5000 };
    const database = openDatabase(
      { url: servers.databaseUrl, preparedStatements: true, ...settings },
      pino({ level: "silent" }),
    );
    const end = (after: bigint, limit: number, filter: Omit<ChangeFilter, "kinds">) =>
      database.read(tenant.id, (run) =>
        readRevisionsEnd(run, { tenantId: tenant.id, after, upTo: 7n, filter, limit }),
      );
    try {
      const own = { sessionIds: [session.id], agentIds: [] };
      expect(await end(0n, 2, own)).toBe(3n);
      expect(await end(3n, 2, own)).toBe(6n);
      expect(await end(6n, 2, own)).toBe(7n);
      const both = { sessionIds: [child.id], agentIds: [], ancestors: new Map([[session.id, 4n]]) };
      expect(await end(0n, 3, both)).toBe(4n);
      expect(await end(0n, 2, { sessionIds: [], agentIds: ["planner"] })).toBe(3n);
    } finally {
      await database.close();
    }
  });

  const step = fc.record({
    kind: fc.constantFrom("observe", "act", "start", "finish", "delete", "open", "fork", "update", "rename"),
    at: fc.nat({ max: 1000 }),
    agent: fc.constantFrom("a", "b"),
  });

  test("equals the events up to it, replayed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const tenant = newTenant(servers.app());
        const sessions = [(await tenant.open({ agentId: "a" })).id];
        const actions: string[] = [];
        for (const { kind, at, agent } of steps) {
          const sessionId = present(sessions[at % sessions.length]);
          const actionId = actions[at % Math.max(1, actions.length)];
          await perform(tenant, { kind, at, agent, sessionId, actionId, sessions, actions }).catch(() => {
            // A step that is not allowed changes nothing.
          });
        }
        const log = await tenant.listAll();
        const end = log.length;
        for (let position = 1; position <= end; position += 1) {
          const past = log.slice(0, position);
          for (const agent of ["a", "b"]) {
            const got = await stateAt(tenant, {
              subject: { case: "agentId", value: agent },
              position: BigInt(position),
            });
            expect(canonical(got)).toEqual(
              canonical(replay(past).filter((event) => agentOf(event) === agent)),
            );
          }
          const session = present(sessions[position % sessions.length]);
          const request = {
            subject: { case: "sessionId", value: session },
            position: BigInt(position),
            pageSize: 3,
          } as const;
          if (past.some((event) => entityId(event) === session)) {
            expect(canonical(await stateAt(tenant, request))).toEqual(canonical(sessionState(past, session)));
          } else {
            expect(await refusal(stateAt(tenant, request))).toMatchObject({ reason: "NOT_FOUND" });
          }
        }
      }),
      { numRuns: propertyRuns(6) },
    );
  });
});

interface Step {
  readonly kind: string;
  readonly at: number;
  readonly agent: string;
  readonly sessionId: string;
  readonly actionId: string | undefined;
  readonly sessions: string[];
  readonly actions: string[];
}

async function perform(tenant: Tenant, step: Step): Promise<void> {
  const { kind, at, agent: agentId, sessionId, actionId = randomUUID(), sessions, actions } = step;
  switch (kind) {
    case "observe":
      await tenant.append(observation({ sessionId, agentId }), metric({ agentId }));
      return;
    case "act": {
      const id = randomUUID();
      const { rejections } = await tenant.append(action({ id, sessionId, agentId }));
      if (rejections.length === 0) actions.push(id);
      return;
    }
    case "start":
      await tenant.append(startAction(actionId));
      return;
    case "finish":
      await tenant.append(finishAction(actionId));
      return;
    case "delete":
      await tenant.rpc.unary(ActionService.method.deleteAction, { id: actionId });
      return;
    case "open":
      sessions.push((await tenant.open({ agentId })).id);
      return;
    case "fork":
      sessions.push(
        (await fork(tenant, { sessionId, atPosition: BigInt(at % 30), session: { agentId } })).id,
      );
      return;
    case "update":
      await tenant.rpc.unary(ActionService.method.updateAction, {
        action: { id: actionId, name: `name ${at}`, agentId },
        updateMask: { paths: ["name", "agent_id"] },
      });
      return;
    case "rename":
      await tenant.rpc.unary(SessionService.method.updateSession, {
        session: { id: sessionId, agentId },
        updateMask: { paths: ["agent_id"] },
      });
      return;
  }
}

/** What stands after these events: the last of each thing, without what was deleted. */
function replay(events: readonly LogEvent[]): readonly LogEvent[] {
  const last = new Map(events.map((event) => [`${event.entity.case} ${entityId(event)}`, event]));
  return [...last.values()].filter((event) => event.change !== ChangeType.DELETED);
}

/** What stands of a session, and of those it comes from as of each fork. */
function sessionState(past: readonly LogEvent[], id: string): readonly LogEvent[] {
  const state = replay(past.filter((event) => sessionOf(event) === id));
  const own = past.find((event) => entityId(event) === id)?.entity.value as Session;
  if (own.forkPosition === 0n) return state;
  const before = past.filter((event) => event.position <= own.forkPosition);
  return [...sessionState(before, own.parentSessionId), ...state];
}

function sessionOf({ entity }: LogEvent): string {
  return entity.case === "session" ? entity.value.id : (entity.value as { sessionId: string }).sessionId;
}

function agentOf({ entity }: LogEvent): string {
  return (entity.value as { agentId: string }).agentId;
}

function canonical(events: readonly LogEvent[]): readonly unknown[] {
  return [...events]
    .sort((a, b) => Number(a.position - b.position))
    .map((event) => toJson(EventSchema, fromBinary(EventSchema, toBinary(EventSchema, event))));
}

test("the filter by ancestors means nothing without sessions", async () => {
  const tenant = newTenant(servers.app());
  await writeSession(tenant);
  const page = await tenant.rpc.unary(EventService.method.listEvents, { filter: { includeAncestors: true } });
  expect(page.events.length).toBe(6);
});
