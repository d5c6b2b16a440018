import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import {
  idsInLog,
  openJournaled,
  startAbsentServer,
  temporaryFolder,
  textOf,
} from "./support/journal-clients.js";
import { expectSoundLog } from "./support/verify-log.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

// Compiled by what is done before all tests.
const PROGRAM = fileURLToPath(new URL("../dist/test/support/journal-writer.js", import.meta.url));

/** A process that writes, and what it was told. */
class Writer {
  readonly child: ChildProcess;
  /** Records that were kept, in the order of being told so. */
  readonly kept: string[] = [];
  readonly states = new Set<string>();
  readonly #closed: Promise<unknown>;
  #rest = "";

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (this.#rest + chunk).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) {
        const [id = "", ...state] = line.split(" ");
        this.kept.push(id);
        this.states.add(state.join(" "));
      }
    });
    this.#closed = once(this.child, "close");
    onTestFinished(() => this.kill());
  }

  async told(count: number): Promise<void> {
    for (const deadline = Date.now() + 120_000; this.kept.length < count; await delay(5)) {
      if (Date.now() > deadline) throw new Error(`told of ${this.kept.length}`);
    }
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#closed;
  }
}

test("processes that share a folder and are killed at any point lose and double nothing they were told is kept", async () => {
  const [server, directory] = await Promise.all([startAbsentServer(database.url), temporaryFolder()]);
  const tenantId = randomUUID();
  const start = () => new Writer(server.address, directory, tenantId);
  const writers: Writer[] = [];
  for (let round = 0; round < 4; round++) {
    // In every other round the service is there, for a while; so a replay is cut short as well.
    if (round % 2 === 0) await server.stop();
    const pair = [start(), start()];
    writers.push(...pair);
    await Promise.all(pair.map((writer) => writer.told(1)));
    if (round % 2 === 1) await server.start();
    await delay(Math.random() * 300);
    await Promise.all(pair.map((writer) => writer.kill()));
    // A line that was being written.
    for (const name of readdirSync(join(directory, tenantId))
      .filter((each) => each.includes("@"))
      .slice(-1)) {
      appendFileSync(
        join(directory, tenantId, name),
        '{"number":999999,"time":"2026-'.slice(0, 1 + round * 4),
      );
    }
  }
  await server.start();
  const last = openJournaled(server.address, directory, tenantId);
  await last.journal.drained();
  expect(last.journal.state).toMatchObject({ entries: 0, rejected: 0, damaged: 0 });
  expect(await textOf(directory, "@")).toBe("");

  const states = new Set(writers.flatMap((writer) => [...writer.states]));
  expect(states).toContain("journaled");
  states.delete("durable");
  expect(states.size).toBe(1);
  const ids = await idsInLog(last);
  expect(new Set(ids).size).toBe(ids.length);
  const positions = new Map(ids.map((id, position) => [id, position]));
  for (const { kept } of writers) {
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.filter((id) => !positions.has(id))).toEqual([]);
    const inLog = kept.map((id) => positions.get(id) as number);
    expect(inLog).toEqual([...inLog].sort((a, b) => a - b));
  }
  await expectSoundLog(database.url, tenantId);
});

test("a client in another process leaves the files of one that runs alone, and takes them once it was killed", async () => {
  const [server, directory] = await Promise.all([startAbsentServer(database.url), temporaryFolder()]);
  const tenantId = randomUUID();
  await server.stop();
  const writer = new Writer(server.address, directory, tenantId);
  await writer.told(50);
  writer.child.kill("SIGSTOP");
  const other = openJournaled(server.address, directory, tenantId);
  expect(other.journal.state.entries).toBe(0);
  await writer.kill();
  const next = openJournaled(server.address, directory, tenantId);
  expect(next.journal.state.entries).toBeGreaterThanOrEqual(50);
  await server.start();
  await next.journal.drained();
  const ids = await idsInLog(next);
  expect(writer.kept.filter((id) => !ids.includes(id))).toEqual([]);
});
