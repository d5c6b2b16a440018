import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Holdfast } from "@holdfast/client";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { decryptWith } from "../src/archive/encryption.js";
import { importArchive } from "../src/archive/import-archive.js";
import { readConfig } from "../src/config.js";
import { codecs, exportTo, temporaryFolder } from "./support/archives.js";
import { createTestDatabase } from "./support/create-test-database.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

vi.setConfig({ testTimeout: 120_000 });

const importsDirectory = mkdtempSync(join(tmpdir(), "holdfast-sent-test-"));
afterAll(() => rmSync(importsDirectory, { recursive: true, force: true }));
const servers = useServers({ importsDirectory });

function client(): { readonly holdfast: Holdfast; readonly tenantId: string } {
  const { host, port } = servers.app().grpc;
  const tenantId = crypto.randomUUID();
  const holdfast = connect({ address: `${host}:${port}`, tenantId });
  onTestFinished(() => holdfast.close());
  return { holdfast, tenantId };
}

async function taken(folder: string, tenantId?: string) {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const { report } = await importArchive({
    url: database.url,
    folder,
    tenantId,
    decrypt: await decryptWith([]),
    actor: "test",
    codecs,
    settings: readConfig({}),
  });
  return { report, url: database.url };
}

test("a tenant fetched by its client is imported again to the same hash", async () => {
  const { holdfast, tenantId } = client();
  const goal = await holdfast.goals.create({ title: "keep \u0041" });
  await holdfast.goals.update(goal.id, { title: "kept" });
  for (let i = 0; i < 300; i += 1) await holdfast.metrics.create({ name: "n", value: i });
  const folder = join(await temporaryFolder(), "fetched");
  const head = await holdfast.admin.getLogHead();
  await holdfast.admin.exportTo(folder, { compress: true });
  expect(readdirSync(folder)).toContain("manifest.json");
  const { report, url } = await taken(folder);
  // The call itself is noted before it reads.
  expect(report).toMatchObject({ tenantId, position: head.position + 1n, refusals: [] });
  const { log } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  expect(report.hash).toBe(log.hash);
  await expectSoundLog(url, tenantId);
  // Who fetched it is in the log, and nothing of it stays on the server.
  const audits = [];
  for await (const each of holdfast.audits.list()) audits.push(each);
  expect(audits.map(({ operation, actor, target }) => [operation, actor, target])).toContainEqual([
    "export",
    "anonymous",
    tenantId,
  ]);
  expect(readdirSync(importsDirectory)).toEqual([]);
  // What is there is not written over.
  await expect(holdfast.admin.exportTo(folder, { compress: true })).rejects.toThrow(/EEXIST/);
});

test("what a session or an agent left is fetched as the same files that `holdfast export` writes", async () => {
  const { holdfast, tenantId } = client();
  const session = await holdfast.sessions.open({ agentId: "ada" });
  await holdfast.goals.create({ title: "of ada", sessionId: session.id, agentId: "ada" });
  await holdfast.goals.create({ title: "of nobody" });
  for (const [subject, scope] of [
    [{ sessionId: session.id }, { tenantId, sessionId: session.id }],
    [{ agentId: "ada" }, { tenantId, agentId: "ada" }],
  ] as const) {
    const folder = join(await temporaryFolder(), "fetched");
    const local = await exportTo(servers.databaseUrl, scope);
    await holdfast.admin.exportTo(folder, { subject });
    for (const { name } of local.manifest.files) {
      expect(readFileSync(join(folder, name), "utf8"), name).toBe(
        readFileSync(join(local.folder, name), "utf8"),
      );
    }
    const { report } = await taken(folder, tenantId);
    expect(report.refusals).toEqual([]);
  }
  const folder = await temporaryFolder();
  await expect(
    holdfast.admin.exportTo(folder, { subject: { sessionId: crypto.randomUUID() } }),
  ).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(holdfast.admin.exportTo(folder, { subject: { sessionId: "x" } })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
  });
});

test("secrets, also past ones, keep a log from whoever may not read secrets", async () => {
  const { holdfast } = client();
  const value = { data: Buffer.from('"hush"'), contentType: "application/json" };
  const kept = await holdfast.configurations.create({ key: "api", value, isSecret: true, layer: 2 });
  await holdfast.configurations.delete(kept.id);
  const folder = await temporaryFolder();
  await expect(holdfast.admin.exportTo(folder)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  expect(readdirSync(folder)).toEqual([]);
  expect(readdirSync(importsDirectory)).toEqual([]);
});

test("a reader that goes away leaves nothing behind on the server", async () => {
  const { holdfast } = client();
  const content = "x".repeat(200_000);
  for (let i = 0; i < 40; i += 1) await holdfast.observations.create({ type: "t", content });
  const folder = await temporaryFolder();
  const abort = new AbortController();
  const fetched = holdfast.admin.exportTo(folder, { signal: abort.signal });
  await vi.waitFor(() => expect(readdirSync(folder)).not.toEqual([]), { timeout: 10_000, interval: 1 });
  abort.abort();
  await expect(fetched).rejects.toMatchObject({ code: "CANCELLED" });
  expect(readdirSync(folder)).not.toContain("manifest.json");
  await vi.waitFor(() => expect(readdirSync(importsDirectory)).toEqual([]), { timeout: 10_000 });
});
