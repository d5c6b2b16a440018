import { randomUUID } from "node:crypto";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  bytes,
  connect,
  GoalStatus,
  HoldfastError,
  type JournalMode,
  json,
  type RejectedWrite,
  type Written,
} from "@holdfast/client";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { execute } from "./support/execute.js";
import {
  idsInLog,
  linesOf,
  openJournaled,
  startAbsentServer,
  temporaryFolder,
  textOf,
} from "./support/journal-clients.js";
import { query } from "./support/query.js";
import { expectSoundLog } from "./support/verify-log.js";

/** A server that is there answers within that also where the machine is busy; one that is away is waited for as long, once. */
const PATIENT = { acknowledgeWithinMs: 5000 };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

async function setUp() {
  const [server, directory] = await Promise.all([startAbsentServer(database.url), temporaryFolder()]);
  return { server, directory, tenantId: randomUUID() };
}

function durable<T>(written: Written<T>): T {
  if (written.state !== "durable") throw new Error("expected it to be durable, it was journaled");
  return written.value;
}

describe("with a journal", () => {
  test("writes are durable while the service answers, and nothing stays on disk", async () => {
    const { server, directory } = await setUp();
    const holdfast = openJournaled(server.address, directory, undefined, PATIENT);
    const goal = await holdfast.goals.create({ title: "t" });
    expect(goal).toMatchObject({ state: "durable", position: 1n, value: { title: "t" } });
    const saved = await holdfast.recorder().observe({ type: "a" });
    expect(saved).toMatchObject({ state: "durable", position: 2n, duplicate: false });
    const idle = { mode: "connected", entries: 0, bytes: 0, oldest: undefined, cause: undefined };
    expect(holdfast.journal.state).toMatchObject(idle);
    expect(await textOf(directory, "@")).toBe("");
    // What is wrong with a write is told as ever.
    await expect(holdfast.goals.create({ title: "t", priority: 7 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(holdfast.goals.update(randomUUID(), { title: "u" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("writes of all kinds made while the service is away are there when it is back, once and in order", async () => {
    const { server, directory, tenantId } = await setUp();
    const holdfast = openJournaled(server.address, directory, tenantId, PATIENT);
    const { id: sessionId } = durable(await holdfast.sessions.open({ agentId: "planner" }));
    const recorder = holdfast.recorder({ sessionId, agentId: "planner" });
    await recorder.observe({ type: "before" });
    await server.stop();

    const first = await recorder.observe({ type: "first", data: json({ a: 1 }) });
    expect(first.state).toBe("journaled");
    expect(holdfast.journal.state).toMatchObject({ mode: "journaling", entries: 1 });
    const goal = await holdfast.goals.create({ title: "away", sessionId });
    if (goal.state !== "journaled") throw new Error("expected it to be journaled");
    await holdfast.goals.update(goal.id, { status: GoalStatus.IN_PROGRESS });
    await holdfast.goals.update(goal.id, { status: GoalStatus.COMPLETED });
    const types = Array.from({ length: 1200 }, (_, i) => `n${i}`);
    for (const type of types) recorder.observe({ type });
    expect(await recorder.flush()).toMatchObject({ journaled: 1201, pending: 0, rejected: 0 });
    const batch = await holdfast.events.append([
      { case: "observation", value: { type: "batch", sessionId } },
    ]);
    expect(batch.state).toBe("journaled");
    await holdfast.sessions.close(sessionId);
    expect(holdfast.journal.state.entries).toBe(1206);
    const [line] = await linesOf(directory, "@");
    expect(line).toMatchObject({
      number: 1,
      method: "holdfast.v1.EventService/Append",
      request: { entries: [{ observation: { data: { text: '{"a":1}' } } }] },
    });

    await server.start();
    await holdfast.journal.drained();
    const drained = { mode: "connected", entries: 0, bytes: 0, replayed: 1206, rejected: 0 };
    expect(holdfast.journal.state).toMatchObject(drained);
    expect(await textOf(directory, "@")).toBe("");
    const seen: string[] = [];
    for await (const { entity } of holdfast.events.list()) {
      if (entity.case === "observation") seen.push(entity.value.type);
    }
    expect(seen).toEqual(["before", "first", ...types, "batch"]);
    expect(await holdfast.goals.get(goal.id)).toMatchObject({ status: GoalStatus.COMPLETED, revision: 3n });
    expect(await holdfast.goals.create({ title: "after" })).toMatchObject({ state: "durable" });
    await expectSoundLog(database.url, tenantId);
  });

  test("an absence is waited for once, not by each write", async () => {
    const { server, directory } = await setUp();
    await server.stop();
    const holdfast = openJournaled(server.address, directory, undefined, PATIENT);
    const start = performance.now();
    for (let i = 0; i < 20; i++)
      expect((await holdfast.goals.create({ title: "t" })).state).toBe("journaled");
    expect(performance.now() - start).toBeLessThan(20 * PATIENT.acknowledgeWithinMs * 0.5);
  });

  test("what is not journaled waits behind what is, and reads go to the service or fail", async () => {
    const { server, directory } = await setUp();
    const holdfast = openJournaled(server.address, directory);
    await server.stop();
    await holdfast.goals.create({ title: "t" });
    const away = { code: expect.stringMatching(/UNAVAILABLE|DEADLINE_EXCEEDED/) };
    await expect(holdfast.goals.next("planner", {}, { deadlineMs: 200 })).rejects.toMatchObject(away);
    await expect(holdfast.goals.page({}, { deadlineMs: 200 })).rejects.toMatchObject(away);
    await expect(holdfast.admin.getLogHead({ deadlineMs: 200 })).rejects.toMatchObject(away);
    const next = holdfast.goals.next("planner", {}, { deadlineMs: 20_000 });
    await server.start();
    expect(await next).toMatchObject({ title: "t", leaseHolder: "planner" });
  });

  test("its state can be followed, until the signal fires", async () => {
    const { server, directory } = await setUp();
    const holdfast = openJournaled(server.address, directory);
    const modes: JournalMode[] = [];
    const over = new AbortController();
    const following = (async () => {
      for await (const { mode } of holdfast.journal.states(over.signal)) {
        if (modes.at(-1) !== mode) modes.push(mode);
      }
    })();
    await server.stop();
    await holdfast.goals.create({ title: "t" });
    expect(holdfast.journal.state.oldest?.getTime()).toBeLessThanOrEqual(Date.now());
    expect(holdfast.journal.state.cause).toBeInstanceOf(HoldfastError);
    await server.start();
    await holdfast.journal.drained();
    over.abort();
    await following;
    expect(modes[0]).toBe("connected");
    expect(modes).toContain("journaling");
    await expect(holdfast.journal.drained(AbortSignal.abort())).resolves.toBeUndefined();
  });

  test("what the service refuses for good at replay is kept with its reason and blocks nothing", async () => {
    const { server, directory, tenantId } = await setUp();
    const rejections: RejectedWrite[] = [];
    const onRejected = (rejected: RejectedWrite) => rejections.push(rejected);
    const holdfast = openJournaled(server.address, directory, tenantId, { ...PATIENT, onRejected });
    const { id: sessionId } = durable(await holdfast.sessions.open());
    const { id: taken } = durable(await holdfast.goals.create({ title: "first" }));
    await holdfast.sessions.close(sessionId);
    await server.stop();

    const recorder = holdfast.recorder();
    const kept = [recorder.observe({ type: "a" })];
    const closedSession = recorder.observe({ type: "late", sessionId });
    kept.push(recorder.observe({ type: "b" }));
    await recorder.flush();
    await holdfast.goals.create({ id: taken, title: "another" });
    const missing = randomUUID();
    await holdfast.goals.update(missing, { title: "u" }, { requestId: missing });
    await holdfast.goals.create({ title: "", priority: 12 });
    await holdfast.goals.update(taken, { title: "newer" }, { expectedRevision: 9n });
    const batch = await holdfast.goals.batchCreate([{ title: "good" }, { title: "bad", priority: -1 }]);
    if (batch.state !== "journaled") throw new Error("expected it to be journaled");
    kept.push(recorder.observe({ type: "c" }));
    await recorder.flush();

    await server.start();
    await holdfast.journal.drained();
    expect(holdfast.journal.state).toMatchObject({ mode: "connected", entries: 0, rejected: 6 });
    expect(rejections.map(({ error: { reason }, ids }) => [reason, ids[0]])).toEqual([
      ["SESSION_CLOSED", closedSession.id],
      ["ID_CONFLICT", taken],
      ["NOT_FOUND", missing],
      ["INVALID_FIELD", expect.any(String)],
      ["REVISION_MISMATCH", expect.any(String)],
      ["INVALID_FIELD", batch.ids[1]],
    ]);
    const lines = await linesOf(directory, "rejected-");
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatchObject({
      refused: { ids: [taken], code: "ALREADY_EXISTS", reason: "ID_CONFLICT" },
      write: { method: "holdfast.v1.GoalService/CreateGoal", request: { goal: { title: "another" } } },
    });
    const ids = await idsInLog(holdfast);
    expect(ids.filter((id) => kept.some((record) => record.id === id))).toEqual(kept.map(({ id }) => id));
    expect(ids).toContain(batch.ids[0]);
    expect(ids).not.toContain(batch.ids[1]);
    // Whoever comes next is told of them too.
    await holdfast.close();
    expect(openJournaled(server.address, directory, tenantId).journal.state.rejected).toBe(6);
    await expectSoundLog(database.url, tenantId);
  });

  test("what the service fails to store by a defect of its own is replayed until it is stored", async () => {
    const { server, directory, tenantId } = await setUp();
    // A sequence keeps its value when a transaction is rolled back. One replay takes fewer than eight tries.
    await execute(
      database.url,
      "CREATE SEQUENCE public.tries",
      `CREATE FUNCTION public.fail_first_tries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.type = 'defect' AND nextval('public.tries') <= 8 THEN
           RAISE EXCEPTION 'as told' USING ERRCODE = '22000';
         END IF;
         RETURN NEW;
       END $$`,
      "GRANT USAGE ON SCHEMA public TO PUBLIC",
      "GRANT USAGE ON SEQUENCE public.tries TO PUBLIC",
      `CREATE TRIGGER fail_first_tries BEFORE INSERT ON holdfast.observations
         FOR EACH ROW EXECUTE FUNCTION public.fail_first_tries()`,
    );
    onTestFinished(() =>
      execute(database.url, "DROP FUNCTION public.fail_first_tries() CASCADE", "DROP SEQUENCE public.tries"),
    );
    const rejections: RejectedWrite[] = [];
    const holdfast = openJournaled(server.address, directory, tenantId, {
      ...PATIENT,
      onRejected: (rejected) => rejections.push(rejected),
    });
    await server.stop();
    const recorder = holdfast.recorder();
    const records = ["a", "defect", "b"].map((type) => recorder.observe({ type }));
    await recorder.flush();
    expect(holdfast.journal.state.entries).toBe(3);
    await server.start();
    await holdfast.journal.drained();
    expect(rejections).toEqual([]);
    expect(holdfast.journal.state).toMatchObject({ entries: 0, rejected: 0 });
    const [tries] = await query<{ last_value: bigint }>(database.url, "SELECT last_value FROM public.tries");
    expect(tries?.last_value).toBe(9n);
    // Entries beside it may have been stored before it.
    expect((await idsInLog(holdfast)).toSorted()).toEqual(records.map(({ id }) => id).toSorted());
    await expectSoundLog(database.url, tenantId);
  });

  test("changes that are too large for one call are replayed by several", async () => {
    const server = await startAbsentServer(database.url, { maxFlushBytes: 200_000 });
    const [directory, tenantId] = [await temporaryFolder(), randomUUID()];
    const rejections: RejectedWrite[] = [];
    const holdfast = openJournaled(server.address, directory, tenantId, {
      ...PATIENT,
      onRejected: (rejected) => rejections.push(rejected),
    });
    const recorder = holdfast.recorder();
    const parameters = json("x".repeat(60_000));
    const actions = Array.from({ length: 12 }, () => recorder.createAction({ type: "search", parameters }));
    await recorder.flush();
    await server.stop();
    for (const { id } of actions) recorder.startAction(id);
    await recorder.flush();
    expect(holdfast.journal.state.entries).toBe(actions.length);
    await server.start();
    await holdfast.journal.drained();
    expect(rejections).toEqual([]);
    expect(holdfast.journal.state).toMatchObject({ entries: 0, rejected: 0 });
    expect(await expectSoundLog(database.url, tenantId)).toBe(BigInt(2 * actions.length));
  });

  test("what is full refuses further writes as JOURNAL_FULL, keeps what it has, and has room again later", async () => {
    const { server, directory, tenantId } = await setUp();
    const holdfast = openJournaled(server.address, directory, tenantId, { maxEntries: 10 });
    await server.stop();
    const recorder = holdfast.recorder();
    const records = Array.from({ length: 15 }, () => recorder.observe({ type: "o" }));
    const outcomes = await Promise.allSettled(records);
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array(10).fill("fulfilled"),
      ...Array(5).fill("rejected"),
    ]);
    const full = { code: "RESOURCE_EXHAUSTED", reason: "JOURNAL_FULL", retryable: true };
    expect(outcomes[10]).toMatchObject({ reason: full });
    await expect(holdfast.goals.create({ title: "t" })).rejects.toMatchObject(full);
    expect(recorder.totals).toMatchObject({ journaled: 10, rejected: 5, pending: 0 });
    await server.start();
    await holdfast.journal.drained();
    expect(await idsInLog(holdfast)).toEqual(records.slice(0, 10).map(({ id }) => id));

    await server.stop();
    const small = openJournaled(server.address, await temporaryFolder(), tenantId, { maxBytes: 4000 });
    const big = { title: "t", description: "x".repeat(5000) };
    await expect(small.goals.create(big)).rejects.toMatchObject(full);
    expect((await small.goals.create({ title: "t" })).state).toBe("journaled");
  });

  test("payloads of any bytes come out as they went in", async () => {
    const { server, directory } = await setUp();
    const holdfast = openJournaled(server.address, directory);
    await server.stop();
    const payloads = [
      Buffer.from('{"\\u0000": "\\ud800", "n": 9223372036854775808, "a": 1, "a": 2 }'),
      Buffer.from([0xff, 0xfe, 0x00, 0x80]),
      Buffer.from("NaN\n\r\u2028"),
      Buffer.from("\ufeff{}"),
      Buffer.alloc(0),
      Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256)),
    ];
    const recorder = holdfast.recorder();
    const records = payloads.map((data) => recorder.observe({ data: bytes(data, "application/json") }));
    await recorder.flush();
    await server.start();
    await holdfast.journal.drained();
    for (const [index, { id }] of records.entries()) {
      const { data } = await holdfast.observations.get(id);
      expect(Buffer.from(data?.data ?? []).equals(payloads[index] as Buffer)).toBe(true);
    }
  });

  test("no credentials are on disk", async () => {
    const { server, directory } = await setUp();
    await server.stop();
    const holdfast = connect({
      address: server.address,
      token: "hf_credential_1",
      metadata: { "x-api-key": "credential_2" },
      journal: { directory, acknowledgeWithinMs: 100 },
    });
    onTestFinished(() => holdfast.close({ timeoutMs: 0 }));
    const metadata = { authorization: "credential_3", "x-request-id": "request-7" };
    await holdfast.goals.create({ title: "t" }, { metadata });
    const text = await textOf(directory, "@");
    expect(text).toContain("request-7");
    expect(await textOf(directory, "")).not.toContain("credential");
  });

  test("a server that comes and goes gets everything, once and in order", async () => {
    const { server, directory, tenantId } = await setUp();
    const holdfast = openJournaled(server.address, directory, tenantId, { acknowledgeWithinMs: 300 });
    const recorder = holdfast.recorder();
    const ids: string[] = [];
    let isOver = false;
    const recording = (async () => {
      while (!isOver) {
        for (let i = 0; i < 5; i++) ids.push(recorder.observe({ type: "o" }).id);
        await delay(20);
      }
    })();
    const goals: string[] = [];
    const creating = (async () => {
      while (!isOver) {
        const goal = await holdfast.goals.create({ title: "t" });
        goals.push(goal.state === "durable" ? goal.value.id : goal.id);
        // As fast as a disk takes them there would be thousands to replay.
        await delay(20);
      }
    })();
    for (let round = 0; round < 4; round++) {
      await delay(600);
      await server.stop();
      await delay(600);
      await server.start();
    }
    isOver = true;
    await Promise.all([recording, creating]);
    const totals = await recorder.flush();
    await holdfast.journal.drained();
    expect(totals).toMatchObject({ rejected: 0, pending: 0 });
    expect(totals.journaled).toBeGreaterThan(0);
    expect(totals.journaled + totals.stored).toBe(ids.length);
    expect(holdfast.journal.state.rejected).toBe(0);
    const stored = await idsInLog(holdfast);
    expect(stored.filter((id) => ids.includes(id))).toEqual(ids);
    expect(stored.filter((id) => goals.includes(id))).toEqual(goals);
    expect(stored).toHaveLength(ids.length + goals.length);
    await expectSoundLog(database.url, tenantId);
  });
});

describe("the folder of a journal", () => {
  test("is shared by clients, each of which replays its own", async () => {
    const { server, directory, tenantId } = await setUp();
    await server.stop();
    const clients = [1, 2, 3].map(() => openJournaled(server.address, directory, tenantId));
    const written = await Promise.all(
      clients.map(async (client) => {
        const recorder = client.recorder();
        const ids = Array.from({ length: 300 }, () => recorder.observe({ type: "o" }).id);
        await recorder.flush();
        return ids;
      }),
    );
    await server.start();
    await Promise.all(clients.map((client) => client.journal.drained()));
    expect(clients.map(({ journal }) => journal.state.replayed)).toEqual([300, 300, 300]);
    const [client] = clients as [(typeof clients)[0]];
    const ids = await idsInLog(client);
    expect(ids).toHaveLength(900);
    for (const own of written) expect(ids.filter((id) => own.includes(id))).toEqual(own);
  });

  test("keeps what a closed client left for the next one, before whose own writes it goes", async () => {
    const { server, directory, tenantId } = await setUp();
    await server.stop();
    const first = openJournaled(server.address, directory, tenantId);
    const before = await first.goals.create({ title: "before" });
    await first.close();
    // Another tenant's are none of its business.
    expect(openJournaled(server.address, directory).journal.state.entries).toBe(0);
    const second = openJournaled(server.address, directory, tenantId);
    expect(second.journal.state).toMatchObject({ mode: "journaling", entries: 1 });
    await server.start();
    const after = await second.goals.create({ title: "after" });
    await second.journal.drained();
    const ids = [before, after].map((each) => (each.state === "durable" ? each.value.id : each.id));
    expect(await idsInLog(second)).toEqual(ids);
  });

  test("taken over from a client that only seemed gone loses and doubles nothing", async () => {
    const { server, directory, tenantId } = await setUp();
    await server.stop();
    const stalled = openJournaled(server.address, directory, tenantId);
    const recorder = stalled.recorder();
    const ids = [recorder.observe({ type: "1" }).id, recorder.observe({ type: "2" }).id];
    await recorder.flush();
    // As a lock that was not renewed is: another machine's process that was stopped.
    const own = join(directory, tenantId);
    for (const name of readdirSync(own)) if (name.endsWith(".lock")) rmSync(join(own, name));
    const other = openJournaled(server.address, directory, tenantId);
    expect(other.journal.state.entries).toBe(2);
    ids.push(recorder.observe({ type: "3" }).id);
    await recorder.flush();
    await server.start();
    await Promise.all([stalled.journal.drained(), other.journal.drained()]);
    expect((await idsInLog(other)).sort()).toEqual(ids.sort());
    expect(await textOf(directory, "@")).toBe("");
  });

  test("with damage inside a file keeps the damaged line aside and says so", async () => {
    const { server, directory, tenantId } = await setUp();
    await server.stop();
    const first = openJournaled(server.address, directory, tenantId);
    const recorder = first.recorder();
    const ids = ["a", "b", "c"].map((type) => recorder.observe({ type }).id);
    await recorder.flush();
    await first.close();
    const own = join(directory, tenantId);
    const [name = ""] = readdirSync(own).filter((each) => each.includes("@"));
    const lines = (await textOf(directory, "@")).split("\n");
    lines[1] = (lines[1] as string).replace('"b"', '"x"');
    writeFileSync(join(own, name), `${lines.join("\n")}{"number":4,"time":"20`);
    const second = openJournaled(server.address, directory, tenantId);
    expect(second.journal.state).toMatchObject({ entries: 2, damaged: 1 });
    const [kept] = await linesOf(directory, "damaged-");
    expect(Buffer.from(kept?.["base64"] as string, "base64").toString()).toBe(lines[1]);
    await server.start();
    await second.journal.drained();
    expect(await idsInLog(second)).toEqual([ids[0], ids[2]]);
  });

  test("that cannot be used is refused at once, and one that goes away while it is needed is told of", async () => {
    const { server, directory, tenantId } = await setUp();
    writeFileSync(join(directory, "file"), "");
    expect(() => openJournaled(server.address, join(directory, "file"), tenantId)).toThrow(/ENOTDIR|EEXIST/);
    expect(() => openJournaled(server.address, "", tenantId)).toThrow(TypeError);
    expect(() => openJournaled(server.address, directory, tenantId, { maxEntries: 0 })).toThrow(/maxEntries/);
    const holdfast = openJournaled(server.address, directory, tenantId);
    await server.stop();
    rmSync(join(directory, tenantId), { recursive: true });
    expect((await holdfast.goals.create({ title: "t" })).state).toBe("journaled");
    rmSync(join(directory, tenantId), { recursive: true });
    writeFileSync(join(directory, tenantId), "");
    await expect(holdfast.goals.create({ title: "u" })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      reason: "JOURNAL_FAILED",
    });
  });
});
