import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  connect,
  GoalStatus,
  type JournaledHoldfast,
  type JournalOptions,
  json,
} from "@holdfast/client";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { App } from "../src/app.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { startServer } from "./support/start-server.js";
import { expectSoundLog } from "./support/verify-log.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-journal-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A server that can be away, always found at the same address. */
async function useServer() {
  let app: App | undefined = await startServer(database.url, { logLevel: "silent", drainTimeoutMs: 300 });
  const { port } = app.grpc;
  const server = {
    address: `127.0.0.1:${port}`,
    async stop() {
      await app?.close();
      app = undefined;
    },
    async start() {
      app ??= await startServer(database.url, { logLevel: "silent", drainTimeoutMs: 300, grpcPort: port });
    },
  };
  onTestFinished(() => server.stop());
  return server;
}

function open(
  address: string,
  directory: string,
  tenantId: string = randomUUID(),
  options: Partial<JournalOptions> = {},
): JournaledHoldfast {
  const holdfast = connect({
    address,
    tenantId,
    retry: { initialDelayMs: 20, maxDelayMs: 100 },
    journal: { directory, acknowledgeWithinMs: 500, probeIntervalMs: 50, ...options },
  });
  onTestFinished(() => holdfast.close({ timeoutMs: 1000 }));
  return holdfast;
}

async function lines(directory: string): Promise<Record<string, unknown>[]> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => name.includes("@")).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
  return texts
    .join("")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("with a journal", () => {
  test("writes are durable while the service answers, and nothing is left on disk", async () => {
    const server = await useServer();
    const directory = await folder();
    const holdfast = open(server.address, directory);
    const goal = await holdfast.goals.create({ title: "t" });
    expect(goal).toMatchObject({ state: "durable", position: 1n, value: { title: "t" } });
    const recorder = holdfast.recorder();
    expect(await recorder.observe({ type: "a" })).toMatchObject({
      state: "durable",
      position: 2n,
      duplicate: false,
    });
    expect(holdfast.journal.state).toMatchObject({
      mode: "connected",
      entries: 0,
      bytes: 0,
      oldest: undefined,
    });
    expect(await lines(directory)).toEqual([]);
  });

  test("writes of all kinds made while the service is away are there when it is back, once and in order", async () => {
    const server = await useServer();
    const directory = await folder();
    const tenantId = randomUUID();
    const holdfast = open(server.address, directory, tenantId);
    const opened = await holdfast.sessions.open({ agentId: "planner" });
    if (opened.state !== "durable") throw new Error("expected it to be durable");
    const sessionId = opened.value.id;
    const recorder = holdfast.recorder({ sessionId, agentId: "planner" });
    await recorder.observe({ type: "before" });
    await server.stop();

    const first = await recorder.observe({ type: "first", data: json({ a: 1 }) });
    expect(first.state).toBe("journaled");
    expect(holdfast.journal.state).toMatchObject({ mode: "journaling", entries: 1 });
    const goal = await holdfast.goals.create({ title: "away", sessionId });
    expect(goal).toMatchObject({ state: "journaled" });
    if (goal.state !== "journaled") throw new Error("expected it to be journaled");
    await holdfast.goals.update(goal.id, { status: GoalStatus.IN_PROGRESS });
    await holdfast.goals.update(goal.id, { status: GoalStatus.COMPLETED });
    const ids: string[] = [];
    for (let i = 0; i < 1200; i++) ids.push(recorder.observe({ type: `n${i}` }).id);
    const totals = await recorder.flush();
    expect(totals).toMatchObject({ journaled: 1201, pending: 0, rejected: 0 });
    await holdfast.sessions.close(sessionId);
    await expect(holdfast.goals.get(goal.id, { deadlineMs: 300 })).rejects.toMatchObject({
      code: expect.stringMatching(/UNAVAILABLE|DEADLINE_EXCEEDED/),
    });
    expect(holdfast.journal.state.entries).toBe(1205);
    const [line] = await lines(directory);
    expect(line).toMatchObject({ number: 1, method: "holdfast.v1.EventService/Append" });
    expect(JSON.stringify(line)).toContain('\\"a\\":1');

    await server.start();
    await holdfast.journal.drained();
    expect(holdfast.journal.state).toMatchObject({
      mode: "connected",
      entries: 0,
      bytes: 0,
      replayed: 1205,
      rejected: 0,
    });
    expect(await lines(directory)).toEqual([]);
    const types: string[] = [];
    for await (const event of holdfast.events.list()) {
      if (event.entity.case === "observation") types.push(event.entity.value.type);
    }
    expect(types).toEqual(["before", "first", ...ids.map((_, i) => `n${i}`)]);
    expect(await holdfast.goals.get(goal.id)).toMatchObject({ status: GoalStatus.COMPLETED, revision: 3n });
    expect(await holdfast.goals.create({ title: "after" })).toMatchObject({ state: "durable" });
    await expectSoundLog(database.url, tenantId);
  });
});
