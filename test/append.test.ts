import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { ChangeType } from "../gen/holdfast/v1/log_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { action, decision, finishAction, metric, observation, startAction } from "./support/entries.js";
import { rejectionsByIndex } from "./support/refusal.js";
import { newTenant, present } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const { closeSession, deleteSession } = SessionService.method;
const servers = useServers({}, {});

describe("a batch", () => {
  test("is stored at dense positions in the order of its entries", async () => {
    const tenant = newTenant(servers.app());
    const { id: sessionId } = await tenant.open();
    const actionId = randomUUID();
    const { positions, rejections, duplicates, generatedIds } = await tenant.append(
      observation({ sessionId, content: "0" }),
      action({ id: actionId, sessionId }),
      decision({ sessionId }),
      startAction(actionId),
      metric({ sessionId, value: 2.5 }),
      finishAction(actionId),
      observation({ content: "6" }),
    );
    expect(positions).toEqual([2n, 3n, 4n, 5n, 6n, 7n, 8n]);
    expect([rejections, duplicates, generatedIds]).toEqual([[], [], []]);
    const events = await tenant.listAll({ after: { position: 1n } });
    expect(events.map(({ position, change, entity }) => [position, change, entity.case])).toEqual([
      [2n, ChangeType.CREATED, "observation"],
      [3n, ChangeType.CREATED, "action"],
      [4n, ChangeType.CREATED, "decision"],
      [5n, ChangeType.UPDATED, "action"],
      [6n, ChangeType.CREATED, "performanceMetric"],
      [7n, ChangeType.UPDATED, "action"],
      [8n, ChangeType.CREATED, "observation"],
    ]);
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(8n);
  });

  test("says which ids the server made", async () => {
    const tenant = newTenant(servers.app());
    const { generatedIds } = await tenant.append(
      observation({ id: "" }),
      observation(),
      action({ id: "" }),
      metric({ id: "" }),
    );
    expect(generatedIds.map(({ index }) => index)).toEqual([0, 2, 3]);
    const events = await tenant.listAll();
    expect(generatedIds.map(({ id }) => id)).toEqual([0, 2, 3].map((i) => events[i]?.entity.value?.id));
    for (const { id } of generatedIds) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  test("loses its bad entries, each with a reason, and no others", async () => {
    const tenant = newTenant(servers.app());
    const { id: taken } = await tenant.open({ externalId: "s" });
    await tenant.append(observation({ id: taken, content: "first" }), observation({ externalId: "name" }));
    const before = (await tenant.listAll()).length;
    const { positions, rejections } = await tenant.append(
      observation({ content: "good" }),
      observation({ id: "nonsense", sessionId: "nonsense", goalId: "7" }),
      observation({ id: taken, content: "second" }),
      observation({ sessionId: randomUUID() }),
      observation({ externalId: "name" }),
      startAction(randomUUID()),
      {},
      metric({ name: "" }),
      observation({ content: "good" }),
    );
    expect(positions.map((position) => position > 0n)).toEqual([
      true,
      ...Array.from({ length: 7 }, () => false),
      true,
    ]);
    const refused = rejectionsByIndex(rejections);
    expect([...refused].map(([index, { code, reason }]) => [index, code, reason])).toEqual([
      [1, status.INVALID_ARGUMENT, "INVALID_FIELD"],
      [2, status.ALREADY_EXISTS, "ID_CONFLICT"],
      [3, status.NOT_FOUND, "SESSION_NOT_FOUND"],
      [4, status.ALREADY_EXISTS, "EXTERNAL_ID_TAKEN"],
      [5, status.NOT_FOUND, "NOT_FOUND"],
      [6, status.INVALID_ARGUMENT, "INVALID_FIELD"],
      [7, status.INVALID_ARGUMENT, "INVALID_FIELD"],
    ]);
    expect(refused.get(1)?.fields).toEqual([
      "entries[1].observation.goal_id",
      "entries[1].observation.id",
      "entries[1].observation.session_id",
    ]);
    expect(refused.get(6)?.fields).toEqual(["entries[6].entry"]);
    expect(refused.get(7)?.fields).toEqual(["entries[7].performance_metric.name"]);
    expect(await tenant.listAll()).toHaveLength(before + 2);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("of bad entries only stores nothing", async () => {
    const tenant = newTenant(servers.app());
    const { positions, rejections } = await tenant.append({}, observation({ sessionId: randomUUID() }));
    expect(positions).toEqual([0n, 0n]);
    expect(rejections).toHaveLength(2);
    expect(await tenant.listAll()).toEqual([]);
  });

  test("that repeats itself stores each entry once", async () => {
    const tenant = newTenant(servers.app());
    const [a, b, c] = [observation(), action(), observation()];
    const started = startAction((b.entry as { value: { id: string } }).value.id);
    const { positions, duplicates } = await tenant.append(a, b, a, started, b, started, c);
    expect(positions).toEqual([1n, 2n, 1n, 3n, 2n, 3n, 4n]);
    expect(duplicates).toEqual([2, 4, 5]);
  });

  test("in which one id stands for two contents keeps the first", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    const { positions, rejections } = await tenant.append(
      observation({ id, content: "a" }),
      observation({ id, content: "b" }),
      action({ id, name: "another entity may have the same id" }),
    );
    expect(positions).toEqual([1n, 0n, 2n]);
    expect(rejectionsByIndex(rejections).get(1)?.reason).toBe("ID_CONFLICT");
  });

  test("in which one external_id stands for two things keeps the first", async () => {
    const tenant = newTenant(servers.app());
    const { positions, rejections } = await tenant.append(
      observation({ externalId: "x" }),
      observation({ externalId: "x" }),
      decision({ externalId: "x" }),
    );
    expect(positions).toEqual([1n, 0n, 2n]);
    expect(rejectionsByIndex(rejections).get(1)?.reason).toBe("EXTERNAL_ID_TAKEN");
  });
});

describe("sending a batch again", () => {
  test("answers with the first positions, from any server", async () => {
    const tenant = newTenant(servers.app());
    const { id: sessionId } = await tenant.open();
    const actionId = randomUUID();
    const entries = [
      observation({ sessionId, externalId: "o" }),
      action({ id: actionId, sessionId, externalId: "a" }),
      startAction(actionId),
      decision({ sessionId }),
      metric({ sessionId, value: Number.NaN }),
      finishAction(actionId),
    ];
    const first = await tenant.append(...entries);
    for (const writer of [tenant, tenant.on(servers.app(1))]) {
      const again = await writer.append(...entries);
      expect(again.positions).toEqual(first.positions);
      expect(again.duplicates).toEqual([0, 1, 2, 3, 4, 5]);
      expect(again.rejections).toEqual([]);
    }
    const mixed = await tenant.append(observation(), ...entries.slice(0, 2), observation());
    expect(mixed.positions).toEqual([8n, 2n, 3n, 9n]);
    expect(mixed.duplicates).toEqual([1, 2]);
  });

  test("at the same time through two servers stores it once", async () => {
    const tenant = newTenant(servers.app());
    const entries = Array.from({ length: 20 }, (_, i) => [
      observation({ externalId: `e${i}` }),
      action(),
    ]).flat();
    const writers = [tenant, tenant.on(servers.app(1)), tenant, tenant.on(servers.app(1))];
    const answers = await Promise.all(writers.map((writer) => writer.append(...entries)));
    for (const { positions, rejections } of answers) {
      expect(rejections).toEqual([]);
      expect(positions).toEqual(answers[0]?.positions);
    }
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(40n);
  });

  test("after its session was closed or deleted still answers with the first positions", async () => {
    const tenant = newTenant(servers.app());
    const close = (id: string) => tenant.rpc.unary(closeSession, { id });
    const remove = (id: string) => tenant.rpc.unary(deleteSession, { id });
    for (const end of [close, remove]) {
      const { id: sessionId } = await tenant.open();
      const entries = [observation({ sessionId }), action({ sessionId }), observation({ sessionId })];
      const first = await tenant.append(...entries);
      await end(sessionId);
      const again = await tenant.append(...entries, observation({ sessionId }));
      expect(again.positions).toEqual([...first.positions, 0n]);
      expect(again.duplicates).toEqual([0, 1, 2]);
      expect((await tenant.append(present(entries[0]))).positions).toEqual([first.positions[0]]);
    }
  });

  test("in one commit with the closing of its session still answers with the first positions", async () => {
    const tenant = newTenant(servers.app());
    const { id: sessionId } = await tenant.open();
    const entry = observation({ sessionId });
    const { positions } = await tenant.append(entry);
    // The first of these is in flight while the others gather for the next commit.
    const answers = await Promise.all([
      tenant.append(observation()),
      tenant.rpc.unary(closeSession, { id: sessionId }),
      tenant.append(entry),
      tenant.append(entry),
    ]);
    expect(answers[2].positions).toEqual(positions);
    expect(answers[3].positions).toEqual(positions);
  });

  test("treats times that differ below a microsecond as the same", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    await tenant.append(observation({ id, occurTime: { seconds: 5n, nanos: 1_999 } }));
    const { duplicates } = await tenant.append(observation({ id, occurTime: { seconds: 5n, nanos: 1_000 } }));
    expect(duplicates).toEqual([0]);
  });
});

describe("an entry of a session", () => {
  test("that is closed, deleted or unknown is rejected with what it is", async () => {
    const tenant = newTenant(servers.app());
    const [closed, deleted] = [await tenant.open(), await tenant.open()];
    await tenant.rpc.unary(closeSession, { id: closed.id });
    await tenant.rpc.unary(deleteSession, { id: deleted.id });
    const unknown = randomUUID();
    const { rejections } = await tenant.append(
      observation({ sessionId: closed.id }),
      action({ sessionId: deleted.id }),
      metric({ sessionId: unknown }),
    );
    expect([...rejectionsByIndex(rejections).values()]).toMatchObject([
      {
        code: status.FAILED_PRECONDITION,
        reason: "SESSION_CLOSED",
        metadata: { id: closed.id, status: "COMPLETED" },
      },
      {
        code: status.FAILED_PRECONDITION,
        reason: "SESSION_CLOSED",
        metadata: { id: deleted.id, status: "DELETED" },
      },
      { code: status.NOT_FOUND, reason: "SESSION_NOT_FOUND", metadata: { id: unknown } },
    ]);
  });

  test("may name it in upper case, open or closed", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const sessionId = id.toUpperCase();
    const stored = await tenant.append(observation({ sessionId }), action({ sessionId }));
    expect(stored.rejections).toEqual([]);
    const [, first] = await tenant.listAll();
    expect(first?.entity.value).toMatchObject({ sessionId: id });
    await tenant.rpc.unary(closeSession, { id: sessionId });
    const refused = await tenant.append(observation({ sessionId }), observation());
    expect(rejectionsByIndex(refused.rejections).get(0)?.reason).toBe("SESSION_CLOSED");
    expect(refused.positions[1]).toBeGreaterThan(0n);
  });
});
