import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { EventService, type Event as LogEvent, type SubscribeResponse } from "../gen/holdfast/v1/event_pb.js";
import { EntityKind } from "../gen/holdfast/v1/log_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { createTestDatabase } from "./support/create-test-database.js";
import { action, decision, finishAction, metric, observation } from "./support/entries.js";
import { refusal, refusals } from "./support/refusal.js";
import type { AnswerStream } from "./support/rpc-client.js";
import { startServer } from "./support/start-server.js";
import { newTenant, present, readUpTo, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const servers = useServers(
  { checkpointIntervalMs: 100 },
  { checkpointIntervalMs: 100, maxRecentChanges: 3, maxPageChanges: 4 },
);

const positions = (events: readonly LogEvent[]) => events.map((event) => event.position);

/** Reads up to the first message that satisfies. */
async function readUntil(
  answers: AnswerStream<SubscribeResponse>,
  satisfies: (answer: SubscribeResponse) => boolean,
): Promise<SubscribeResponse> {
  for (;;) {
    const answer = present(await answers.next());
    if (satisfies(answer)) return answer;
  }
}

/** Two sessions of two agents, with something of every kind. Returns everything in the log. */
async function fill(tenant: Tenant): Promise<LogEvent[]> {
  for (const agentId of ["planner", "coder"]) {
    const { id: sessionId } = await tenant.open({ agentId });
    const actionId = randomUUID();
    const common = { sessionId, agentId };
    await tenant.append(
      observation(common),
      action({ id: actionId, ...common }),
      decision(common),
      finishAction(actionId),
      metric({ ...common, agentId: "coder" }),
      observation({ agentId }),
      observation(),
    );
  }
  return tenant.listAll();
}

describe("a subscription", () => {
  test("from the start delivers what is there, says so, then what happens", async () => {
    const tenant = newTenant(servers.app());
    const there = await fill(tenant);
    const answers = tenant.subscribe({ after: { position: 0n } });
    const events: LogEvent[] = [];
    const caughtUp = await readUntil(answers, (answer) => {
      events.push(...answer.events);
      return answer.caughtUp;
    });
    expect(events).toEqual(there);
    expect(caughtUp.cursor?.position).toBe(BigInt(there.length));
    expect(caughtUp.cursor?.logId).toMatch(/^[0-9a-f-]{36}$/);
    await tenant.append(observation({ content: "next" }));
    const next = await readUntil(answers, (answer) => answer.events.length > 0);
    expect(next).toMatchObject({
      cursor: { position: BigInt(there.length) + 1n, logId: present(caughtUp.cursor).logId },
      caughtUp: true,
    });
    expect(next.events[0]?.entity.value).toMatchObject({ content: "next" });
    answers.cancel();
  });

  test("from now delivers what happens from then on, also to a tenant that has nothing yet", async () => {
    const tenant = newTenant(servers.app());
    const empty = tenant.subscribe();
    expect(await empty.next()).toMatchObject({ events: [], cursor: { position: 0n }, caughtUp: true });
    await tenant.append(observation(), observation());
    expect(positions(await readUpTo(empty, 2n))).toEqual([1n, 2n]);
    const later = tenant.subscribe();
    expect(await later.next()).toMatchObject({ events: [], cursor: { position: 2n }, caughtUp: true });
    await tenant.append(observation());
    expect(positions(await readUpTo(later, 3n))).toEqual([3n]);
  });

  test("tells where it is while nothing happens", async () => {
    const tenant = newTenant(servers.app());
    await tenant.append(observation());
    const answers = tenant.subscribe();
    for (let i = 0; i < 4; i++) {
      expect(await answers.next()).toMatchObject({ events: [], cursor: { position: 1n }, caughtUp: true });
    }
    answers.cancel();
  });

  test("whose filter matches nothing still moves forward", async () => {
    const tenant = newTenant(servers.app());
    const answers = tenant.subscribe({ filter: { agentIds: ["nobody"] } });
    for (let i = 1n; i <= 3n; i++) {
      await tenant.append(observation({ agentId: "somebody" }));
      const told = await readUntil(answers, (answer) => answer.cursor?.position === i);
      expect(told.events).toEqual([]);
    }
    answers.cancel();
  });

  test("resumed after any position delivers exactly the rest", async () => {
    const tenant = newTenant(servers.app());
    const there = await fill(tenant);
    const last = BigInt(there.length);
    const { logId } = present(present(await tenant.subscribe().next()).cursor);
    await Promise.all(
      [tenant, tenant.on(servers.app(1))].flatMap((reader) =>
        Array.from({ length: there.length }, async (_, n) => {
          const answers = reader.subscribe({ after: { position: BigInt(n), logId } });
          expect(await readUpTo(answers, last)).toEqual(there.slice(n));
        }),
      ),
    );
  });

  test("after a position of the future is refused with OUT_OF_RANGE", async () => {
    const tenant = newTenant(servers.app());
    await tenant.append(observation());
    expect(await refusal(tenant.subscribe({ after: { position: 2n } }).next())).toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: "POSITION_IN_FUTURE",
      metadata: { position: "2", last_position: "1" },
    });
  });

  test("with the log_id of another log is refused with FAILED_PRECONDITION", async () => {
    const [tenant, other] = [newTenant(servers.app()), newTenant(servers.app())];
    for (const each of [tenant, other]) await each.append(observation());
    const { logId } = present(present(await other.subscribe().next()).cursor);
    const own = present(present(await tenant.subscribe().next()).cursor).logId;
    expect(await refusal(tenant.subscribe({ after: { position: 0n, logId } }).next())).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: "FOREIGN_CURSOR",
      metadata: { log_id: logId, current_log_id: own },
    });
    const inUpperCase = tenant.subscribe({ after: { position: 0n, logId: own.toUpperCase() } });
    expect(positions(await readUpTo(inUpperCase, 1n))).toEqual([1n]);
  });

  test("that is asked for wrongly is refused, naming every field", async () => {
    const tenant = newTenant(servers.app());
    const filter = {
      sessionIds: ["nonsense", randomUUID(), ""],
      agentIds: ["a\0", ""],
      entityKinds: [EntityKind.UNSPECIFIED, 99 as EntityKind, EntityKind.MEMORY],
    };
    const many = { agentIds: Array.from({ length: 101 }, (_, i) => `${i}`) };
    const [wrong, tooMany] = await refusals([
      tenant.subscribe({ after: { position: -1n, logId: "nonsense" }, filter }).next(),
      tenant.subscribe({ filter: many }).next(),
    ]);
    expect(wrong?.fields).toEqual([
      "after.log_id",
      "after.position",
      "filter.agent_ids[0]",
      "filter.agent_ids[1]",
      "filter.entity_kinds[0]",
      "filter.entity_kinds[1]",
      "filter.session_ids[0]",
      "filter.session_ids[2]",
    ]);
    expect(tooMany?.fields).toEqual(["filter.agent_ids"]);
  });

  test("that is cancelled ends, and the next one works", async () => {
    const tenant = newTenant(servers.app());
    for (let i = 0; i < 20; i++) {
      const answers = tenant.subscribe({ after: { position: 0n } });
      await answers.next();
      answers.cancel();
      expect((await answers.status).code).toBe(status.CANCELLED);
    }
    await tenant.append(observation());
    expect(positions(await readUpTo(tenant.subscribe({ after: { position: 0n } }), 1n))).toEqual([1n]);
  });

  test("is ended as UNAVAILABLE by a server that stops, and loses nothing when resumed elsewhere", async () => {
    const database = await createTestDatabase();
    const [stopping, staying] = await Promise.all(
      [1, 2].map(() => startServer(database.url, { logLevel: "silent", drainTimeoutMs: 1000 })),
    );
    try {
      const tenant = newTenant(present(stopping));
      const answers = tenant.subscribe({ after: { position: 0n } });
      await tenant.append(observation(), observation());
      const { cursor } = await readUntil(answers, (answer) => answer.cursor?.position === 2n);
      const ended = refusal(readUntil(answers, () => false));
      await stopping?.close();
      expect(await ended).toMatchObject({ code: status.UNAVAILABLE, reason: "SERVER_DRAINING" });
      const elsewhere = tenant.on(present(staying));
      await elsewhere.append(observation());
      const rest = await readUpTo(elsewhere.subscribe({ after: present(cursor) }), 3n);
      expect(positions(rest)).toEqual([3n]);
    } finally {
      await Promise.all([stopping?.close(), staying?.close()]);
      await database.close();
    }
  });
});

describe("a filter", () => {
  type Matches = (event: LogEvent) => boolean;
  const record = (event: LogEvent) =>
    event.entity.value as { sessionId?: string; id: string; agentId: string };
  const ofSession =
    (id: string): Matches =>
    (event) =>
      (record(event).sessionId ?? record(event).id) === id;
  const ofAgent =
    (id: string): Matches =>
    (event) =>
      record(event).agentId === id;
  const ofCase =
    (...cases: string[]): Matches =>
    (event) =>
      cases.includes(event.entity.case ?? "");

  test("passes what matches, live, from memory, from the database, listed and paged alike", async () => {
    const tenant = newTenant(servers.app());
    const sessions = [randomUUID(), randomUUID()];
    const [a = "", b = ""] = sessions;
    const { SESSION, ACTION, OBSERVATION, DECISION, PERFORMANCE_METRIC, GOAL } = EntityKind;
    const cases: [object, Matches][] = [
      [{}, () => true],
      [{ sessionIds: [a] }, ofSession(a)],
      [{ sessionIds: [a.toUpperCase()] }, ofSession(a)],
      [{ sessionIds: [a, a, a.toUpperCase()] }, ofSession(a)],
      [{ sessionIds: [b, a] }, (e) => ofSession(a)(e) || ofSession(b)(e)],
      [{ sessionIds: [randomUUID()] }, () => false],
      [{ agentIds: ["planner"] }, ofAgent("planner")],
      [{ agentIds: ["planner", "planner"] }, ofAgent("planner")],
      [{ agentIds: ["planner", "coder"] }, (e) => ofAgent("planner")(e) || ofAgent("coder")(e)],
      [{ entityKinds: [OBSERVATION] }, ofCase("observation")],
      [{ entityKinds: [ACTION, ACTION] }, ofCase("action")],
      [{ entityKinds: [SESSION, ACTION] }, ofCase("session", "action")],
      [
        { entityKinds: [DECISION, SESSION, PERFORMANCE_METRIC] },
        ofCase("decision", "session", "performanceMetric"),
      ],
      [{ entityKinds: [GOAL] }, () => false],
      [{ sessionIds: [a], agentIds: ["coder"] }, (e) => ofSession(a)(e) && ofAgent("coder")(e)],
      [{ sessionIds: [a], entityKinds: [ACTION] }, (e) => ofSession(a)(e) && ofCase("action")(e)],
      [
        { agentIds: ["coder"], entityKinds: [OBSERVATION] },
        (e) => ofAgent("coder")(e) && ofCase("observation")(e),
      ],
      [
        { sessionIds: [a, b], agentIds: ["coder"], entityKinds: [SESSION, OBSERVATION] },
        (e) =>
          (ofSession(a)(e) || ofSession(b)(e)) && ofAgent("coder")(e) && ofCase("session", "observation")(e),
      ],
    ];
    const live = cases.map(([filter]) => tenant.subscribe({ after: { position: 0n }, filter }));
    await Promise.all(live.map((answers) => answers.next()));
    for (const [i, agentId] of ["planner", "coder"].entries()) {
      const sessionId = present(sessions[i]);
      await tenant.open({ id: sessionId, agentId });
      const actionId = randomUUID();
      const named = sessionId.toUpperCase();
      await tenant.append(
        observation({ sessionId: named, agentId }),
        action({ id: actionId, sessionId: named, agentId }),
        decision({ sessionId, agentId }),
        finishAction(actionId),
        metric({ sessionId, agentId: "coder" }),
        observation({ agentId }),
        observation(),
      );
      await tenant.rpc.unary(SessionService.method.closeSession, { id: sessionId });
    }
    const everything = await tenant.listAll();
    const last = BigInt(everything.length);
    const behind = tenant.on(servers.app(1));
    for (const [i, [filter, matches]] of cases.entries()) {
      const expected = positions(everything.filter(matches));
      const name = JSON.stringify(filter);
      expect(positions(await readUpTo(present(live[i]), last)), `${name}, live`).toEqual(expected);
      const recent = tenant.subscribe({ after: { position: 0n }, filter });
      expect(positions(await readUpTo(recent, last)), `${name}, from memory`).toEqual(expected);
      const stored = behind.subscribe({ after: { position: 0n }, filter });
      expect(positions(await readUpTo(stored, last)), `${name}, from the database`).toEqual(expected);
      for (const pageSize of [1, 3, 1000]) {
        expect(positions(await tenant.listAll({ filter, pageSize })), `${name}, listed`).toEqual(expected);
      }
    }
  });
});

describe("a list of events", () => {
  test("refuses a page token of another filter, position or tenant, and garbage", async () => {
    const tenant = newTenant(servers.app());
    await fill(tenant);
    const list = (request: object, by = tenant) => by.rpc.unary(EventService.method.listEvents, request);
    const { nextPageToken: pageToken } = await list({ pageSize: 2 });
    const other = newTenant(servers.app());
    await fill(other);
    for (const refused of await refusals([
      list({ pageToken, after: { position: 1n } }),
      list({ pageToken, filter: { agentIds: ["x"] } }),
      list({ pageToken }, other),
      list({ pageToken: "garbage" }),
      list({ pageToken: pageToken.slice(0, -2) }),
    ])) {
      expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, reason: "INVALID_PAGE_TOKEN" });
    }
    const [negative, before, future, late] = await refusals([
      list({ pageSize: -3 }),
      list({ after: { position: -1n } }),
      list({ after: { position: 1n << 62n } }),
      list({ minPosition: 1n << 62n }),
    ]);
    expect(negative?.fields).toEqual(["page_size"]);
    expect(before?.fields).toEqual(["after.position"]);
    for (const refused of [future, late]) expect(refused?.reason).toBe("POSITION_IN_FUTURE");
  });
});
