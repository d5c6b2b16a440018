import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { ChangeType } from "../gen/holdfast/v1/log_pb.js";
import { type Session, SessionService, SessionStatus } from "../gen/holdfast/v1/session_pb.js";
import { payload } from "./support/entries.js";
import { refusal, refusals } from "./support/refusal.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const { openSession, getSession, updateSession, closeSession, deleteSession } = SessionService.method;
const servers = useServers({});

async function get(tenant: Tenant, id: string): Promise<Session> {
  const { session } = await tenant.rpc.unary(getSession, { key: { case: "id", value: id } });
  return present(session);
}

describe("opening a session", () => {
  test("gives it an id, a position, revision 1 and status ACTIVE", async () => {
    const tenant = newTenant(servers.app());
    const session = await tenant.open({ agentId: "planner", type: "research", labels: { team: "blue" } });
    expect(session).toMatchObject({
      agentId: "planner",
      type: "research",
      labels: { team: "blue" },
      position: 1n,
      revision: 1n,
      status: SessionStatus.ACTIVE,
    });
    expect(session.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(session.startTime).toBeDefined();
    expect(await get(tenant, session.id)).toEqual(session);
  });

  test("again with the same id and content answers with the first result", async () => {
    const tenant = newTenant(servers.app());
    const wanted = { id: randomUUID(), agentId: "planner", metadata: payload('{"a":1}') };
    const first = await tenant.open(wanted);
    expect(await tenant.open(wanted)).toEqual(first);
    expect(await tenant.listAll()).toHaveLength(1);
  });

  test("again after it was changed and closed still answers with the first result", async () => {
    const tenant = newTenant(servers.app());
    const wanted = { id: randomUUID(), agentId: "planner" };
    const first = await tenant.open(wanted);
    await tenant.rpc.unary(updateSession, {
      session: { id: wanted.id, type: "changed" },
      updateMask: { paths: ["type"] },
    });
    await tenant.rpc.unary(closeSession, { id: wanted.id });
    expect(await tenant.open(wanted)).toEqual(first);
  });

  test("with an id used for other content is refused with ALREADY_EXISTS", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open({ agentId: "planner" });
    expect(await refusal(tenant.open({ id, agentId: "coder" }))).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: "ID_CONFLICT",
      metadata: { id },
    });
  });

  test("takes its id in either case for the same", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    const first = await tenant.open({ id: id.toUpperCase() });
    expect(first.id).toBe(id);
    expect(await tenant.open({ id })).toEqual(first);
  });

  test("with an external_id of another session is refused with that one's id", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open({ externalId: "run-1" });
    expect(await refusal(tenant.open({ externalId: "run-1" }))).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: "EXTERNAL_ID_TAKEN",
      metadata: { id },
    });
    expect(await tenant.listAll()).toHaveLength(1);
  });

  test("many times at once with one id opens one", async () => {
    const tenant = newTenant(servers.app());
    const wanted = { id: randomUUID(), externalId: "once" };
    const opened = await Promise.all(Array.from({ length: 10 }, () => tenant.open(wanted)));
    expect(new Set(opened.map((session) => session.position))).toEqual(new Set([1n]));
    expect(await tenant.listAll()).toHaveLength(1);
  });

  test("ignores what only the server decides", async () => {
    const tenant = newTenant(servers.app());
    const session = await tenant.open({
      position: 99n,
      revision: 7n,
      forkPosition: 5n,
      status: SessionStatus.FAILED,
      createTime: { seconds: 1n },
      updateTime: { seconds: 1n },
      deleteTime: { seconds: 1n },
    });
    expect(session).toMatchObject({
      position: 1n,
      revision: 1n,
      forkPosition: 0n,
      status: SessionStatus.ACTIVE,
    });
    expect(session.deleteTime).toBeUndefined();
    expect(session.createTime?.seconds).toBeGreaterThan(1n);
  });
});

describe("getting a session", () => {
  test("finds it by external_id", async () => {
    const tenant = newTenant(servers.app());
    const opened = await tenant.open({ externalId: "run/é/1" });
    const { session } = await tenant.rpc.unary(getSession, { key: { case: "externalId", value: "run/é/1" } });
    expect(session).toEqual(opened);
  });

  test("that does not exist is NOT_FOUND", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    expect(await refusal(get(tenant, id))).toMatchObject({
      code: status.NOT_FOUND,
      reason: "NOT_FOUND",
      metadata: { entity: "session", id },
    });
  });

  test("reflects min_position, and refuses one the log has not reached", async () => {
    const tenant = newTenant(servers.app());
    const { id, position } = await tenant.open();
    const key = { case: "id" as const, value: id };
    expect((await tenant.rpc.unary(getSession, { key, minPosition: position })).session?.id).toBe(id);
    const late = tenant.rpc.unary(getSession, { key, minPosition: position + 1n });
    expect(await refusal(late)).toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: "POSITION_IN_FUTURE",
      metadata: { position: "2", last_position: "1" },
    });
  });
});

describe("updating a session", () => {
  const update = async (tenant: Tenant, id: string, change: Partial<Session>, paths: string[], more = {}) =>
    present(
      (
        await tenant.rpc.unary(updateSession, {
          session: { ...change, id } as never,
          updateMask: { paths },
          ...more,
        })
      ).session,
    );

  test("changes the fields of its mask and no others", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open({ type: "research", goalsTotal: 3, labels: { a: "1" } });
    const session = await update(tenant, id, { goalsCompleted: 2, type: "ignored" }, ["goals_completed"]);
    expect(session).toMatchObject({ type: "research", goalsTotal: 3, goalsCompleted: 2, revision: 2n });
    expect(await get(tenant, id)).toEqual(session);
  });

  test("clears a field that the mask names and the message lacks", async () => {
    const tenant = newTenant(servers.app());
    const opened = await tenant.open({ externalId: "x", successRate: 0.5, metadata: payload("[1]") });
    const paths = ["external_id", "success_rate", "metadata", "labels"];
    const session = await update(tenant, opened.id, {}, paths);
    expect(session).toMatchObject({ externalId: "", labels: {} });
    expect(session.successRate).toBeUndefined();
    expect(session.metadata).toBeUndefined();
    expect(await get(tenant, opened.id)).toEqual(session);
  });

  test("by writers of different fields at once keeps what each wrote", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    await Promise.all([
      ...[1, 2, 3, 4].map((n) => update(tenant, id, { goalsTotal: n }, ["goals_total"])),
      update(tenant, id, { type: "merged" }, ["type"]),
      update(tenant, id, { labels: { k: "v" } }, ["labels"]),
      update(tenant, id, { metadata: payload("{}") as never }, ["metadata"]),
    ]);
    const session = await get(tenant, id);
    expect(session).toMatchObject({ type: "merged", labels: { k: "v" }, revision: 8n });
    expect(session.metadata?.data).toHaveLength(2);
    const events = await tenant.listAll();
    expect(events.map((event) => (event.entity.value as Session).revision)).toEqual([
      1n,
      2n,
      3n,
      4n,
      5n,
      6n,
      7n,
      8n,
    ]);
  });

  test("of a path that is no updatable field is refused, naming each", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const answer = update(tenant, id, {}, ["type", "status", "no_such", "metadata.data", ""]);
    expect(await refusal(answer)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      fields: [1, 2, 3, 4].map((i) => `update_mask.paths[${i}]`),
    });
  });

  test("with an empty mask is refused", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    expect(await refusal(update(tenant, id, {}, []))).toMatchObject({
      reason: "INVALID_FIELD",
      fields: ["update_mask"],
    });
    expect(await refusal(tenant.rpc.unary(updateSession, { session: { id } }))).toMatchObject({
      fields: ["update_mask"],
    });
  });

  test("of a stale revision is refused with ABORTED and the current one", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    await update(tenant, id, { type: "a" }, ["type"], { expectedRevision: 1n });
    expect(
      await refusal(update(tenant, id, { type: "b" }, ["type"], { expectedRevision: 1n })),
    ).toMatchObject({
      code: status.ABORTED,
      reason: "REVISION_MISMATCH",
      metadata: { expected_revision: "1", current_revision: "2" },
    });
  });

  test("of one revision by many at once succeeds for one", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const answers = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) =>
        update(tenant, id, { goalsTotal: i }, ["goals_total"], { expectedRevision: 1n }),
      ),
    );
    expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(1);
    expect((await get(tenant, id)).revision).toBe(2n);
  });

  test("again with the same request_id answers with the first result, also with a revision since stale", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const again = { requestId: randomUUID(), expectedRevision: 1n };
    const first = await update(tenant, id, { type: "a" }, ["type"], again);
    await update(tenant, id, { type: "b" }, ["type"]);
    expect(await update(tenant, id, { type: "a" }, ["type"], again)).toEqual(first);
    expect((await get(tenant, id)).type).toBe("b");
  });

  test("of something else with a request_id used before is refused with ALREADY_EXISTS", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const requestId = randomUUID();
    await update(tenant, id, { type: "a" }, ["type"], { requestId });
    const other = [
      update(tenant, id, { type: "b" }, ["type"], { requestId }),
      tenant.rpc.unary(closeSession, { id, requestId }),
    ];
    for (const { reason } of await refusals(other)) expect(reason).toBe("ID_CONFLICT");
  });

  test("to an external_id of another session is refused", async () => {
    const tenant = newTenant(servers.app());
    const taken = await tenant.open({ externalId: "taken" });
    const { id } = await tenant.open();
    expect(await refusal(update(tenant, id, { externalId: "taken" }, ["external_id"]))).toMatchObject({
      reason: "EXTERNAL_ID_TAKEN",
      metadata: { id: taken.id },
    });
  });

  test("names every field that is wrong", async () => {
    const tenant = newTenant(servers.app());
    const answer = tenant.rpc.unary(updateSession, {
      session: { id: "nonsense" },
      updateMask: { paths: ["nonsense"] },
      requestId: "nonsense",
    });
    expect((await refusal(answer)).fields).toEqual(["request_id", "session.id", "update_mask.paths[0]"]);
  });
});

describe("closing a session", () => {
  test("completes it unless told otherwise, and sets its end", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const { session } = await tenant.rpc.unary(closeSession, { id });
    expect(session).toMatchObject({ status: SessionStatus.COMPLETED, revision: 2n });
    expect(session?.endTime).toBeDefined();
    const other = await tenant.open();
    const failed = await tenant.rpc.unary(closeSession, {
      id: other.id,
      status: SessionStatus.FAILED,
      endTime: { seconds: 1000n, nanos: 5000 },
    });
    expect(failed.session).toMatchObject({
      status: SessionStatus.FAILED,
      endTime: { seconds: 1000n, nanos: 5000 },
    });
  });

  test("again with the same request_id answers with the first result, without it is refused", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const requestId = randomUUID();
    const first = await tenant.rpc.unary(closeSession, { id, requestId });
    expect(await tenant.rpc.unary(closeSession, { id, requestId })).toEqual(first);
    expect(await refusal(tenant.rpc.unary(closeSession, { id }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: "ILLEGAL_TRANSITION",
      metadata: { id, from: "COMPLETED", to: "COMPLETED" },
    });
  });

  test("names every field that is wrong", async () => {
    const tenant = newTenant(servers.app());
    const answer = tenant.rpc.unary(closeSession, {
      id: "nonsense",
      status: SessionStatus.ACTIVE,
      requestId: "nonsense",
    });
    expect((await refusal(answer)).fields).toEqual(["id", "request_id", "status"]);
  });
});

describe("deleting a session", () => {
  test("hides it from lists, keeps its past, and refuses further changes as NOT_FOUND", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const requestId = randomUUID();
    const deleted = await tenant.rpc.unary(deleteSession, { id, requestId });
    expect(deleted.session?.deleteTime).toBeDefined();
    expect(await tenant.rpc.unary(deleteSession, { id, requestId })).toEqual(deleted);
    const { sessions } = await tenant.rpc.unary(SessionService.method.listSessions, {});
    expect(sessions).toEqual([]);
    const all = { filter: { includeDeleted: true } };
    expect((await tenant.rpc.unary(SessionService.method.listSessions, all)).sessions).toHaveLength(1);
    const late = [
      tenant.rpc.unary(deleteSession, { id }),
      tenant.rpc.unary(closeSession, { id }),
      tenant.rpc.unary(updateSession, { session: { id, type: "x" }, updateMask: { paths: ["type"] } }),
    ];
    for (const { reason } of await refusals(late)) expect(reason).toBe("NOT_FOUND");
    const events = (await tenant.listAll()).filter(({ entity }) => entity.case === "session");
    expect(events.map((event) => event.change)).toEqual([ChangeType.CREATED, ChangeType.DELETED]);
  });

  test("of an unknown one, or of none, is refused", async () => {
    const tenant = newTenant(servers.app());
    expect((await refusal(tenant.rpc.unary(deleteSession, { id: randomUUID() }))).code).toBe(
      status.NOT_FOUND,
    );
    expect((await refusal(tenant.rpc.unary(deleteSession, {}))).fields).toEqual(["id"]);
    expect((await refusal(tenant.rpc.unary(openSession, {}))).fields).toEqual(["session"]);
  });
});
