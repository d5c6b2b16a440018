import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type JournaledHoldfast, type JournalOptions } from "@holdfast/client";
import { onTestFinished } from "vitest";
import type { App } from "../../src/app.js";
import type { Config } from "../../src/config.js";
import { startServer } from "./start-server.js";

/** A folder that ends with the test. */
export async function temporaryFolder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-journal-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}

/** A server that can be away, found at the same address when it is back. It ends with the test. */
export async function startAbsentServer(databaseUrl: string, given: Partial<Config> = {}) {
  const settings = { logLevel: "silent", drainTimeoutMs: 300, ...given };
  let app: App | undefined = await startServer(databaseUrl, settings);
  const grpcPort = app.grpc.port;
  const server = {
    address: `127.0.0.1:${grpcPort}`,
    async stop() {
      await app?.close();
      app = undefined;
    },
    async start() {
      app ??= await startServer(databaseUrl, { ...settings, grpcPort });
    },
  };
  onTestFinished(() => server.stop());
  return server;
}

/** A client with a journal, closed with the test; it does not wait long for anything. */
export function openJournaled(
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

/** What files of a kind hold: those that wait have an "@" in their names. */
export async function textOf(directory: string, kind: string): Promise<string> {
  const names = (await readdir(directory, { recursive: true }))
    .filter((name) => name.includes(kind) && /\.(jsonl|lock)$/.test(name))
    .sort();
  return (await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")))).join("");
}

/** The lines of that, as JSON. */
export async function linesOf(directory: string, kind: string): Promise<Record<string, unknown>[]> {
  const lines = (await textOf(directory, kind)).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The ids of everything created in the log, in order of position. */
export async function idsInLog(holdfast: Pick<JournaledHoldfast, "events">): Promise<string[]> {
  const ids: string[] = [];
  for await (const event of holdfast.events.list({}, { pageSize: 1000 })) {
    if (event.entity.value && event.entity.value.position === event.position) ids.push(event.entity.value.id);
  }
  return ids;
}
