import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { connect } from "@holdfast/client";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { findProcess } from "../src/postgres/process-status.js";
import { CliProcess } from "./support/cli-process.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { importTenant } from "./support/importing.js";
import { refusal } from "./support/refusal.js";
import { RpcClient } from "./support/rpc-client.js";
import { chunk, fileChunks, options, sendImport } from "./support/send-import.js";
import { smallDisk } from "./support/small-disk.js";
import { startServer } from "./support/start-server.js";
import { newTenant } from "./support/tenant.js";

const DAY_MS = 24 * 60 * 60_000;
const GOALS = '[{"id":"g1","description":"kept"}]';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-transfers-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function serverOn(importsDirectory: string, settings: Parameters<typeof startServer>[1] = {}) {
  const app = await startServer(database.url, { logLevel: "silent", importsDirectory, ...settings });
  onTestFinished(() => app.close());
  const metric = async (name: string) => {
    const text = await (await fetch(`http://${app.http.host}:${app.http.port}/metrics`)).text();
    return text
      .split("\n")
      .find((line) => line.startsWith(name))
      ?.split(" ")
      .at(-1);
  };
  return { app, metric };
}

test("copies of imports over gRPC go when they are too many or too old, and a rollback needs none", async () => {
  const directory = await temporaryFolder();
  const kept = join(directory, "received");
  // An operator's own import, and one over gRPC long ago.
  await mkdir(join(directory, "of-the-operator"));
  const old = join(kept, crypto.randomUUID());
  await mkdir(old, { recursive: true });
  await writeFile(join(old, "holdfast-import.json"), "{}");
  const aMonthAgo = new Date(Date.now() - 31 * DAY_MS);
  await utimes(old, aMonthAgo, aMonthAgo);
  const { app, metric } = await serverOn(directory, { importsMaxBytes: 2500 });
  await expect.poll(() => readdir(kept), { timeout: 20_000 }).toEqual([]);

  const tenant = newTenant(app);
  const content = (id: string) => `[{"id":"${id}","description":"${"x".repeat(1000)}"}]`;
  const ids: string[] = [];
  for (const id of ["a", "b"]) {
    const { importId } = await sendImport(tenant.rpc, [options, ...fileChunks("goals.json", content(id))]);
    ids.push(importId);
  }
  // Each takes its file and a manifest: two are more than may be.
  await expect.poll(() => readdir(kept), { timeout: 20_000 }).toEqual([ids[1]]);
  expect(await readdir(join(kept, ids[1] ?? ""))).not.toContain("owner.json");
  expect((await readdir(directory)).sort()).toEqual(["of-the-operator", "received"]);
  expect(await metric('holdfast_removed_folders_total{what="kept_import"}')).toBe("2");
  expect(Number(await metric("holdfast_kept_import_bytes"))).toBeLessThanOrEqual(2500);

  const { rollback } = await import("../src/legacy/rollback.js");
  const report = await importTenant(database.url, directory, tenant.id).within((context) =>
    rollback(context, ids[0] ?? "", false),
  );
  expect(report).toMatchObject({ removed: 1, originals: [] });
});

test("an export past what may lie on disk is refused, and leaves nothing", async () => {
  const directory = await temporaryFolder();
  const { app } = await serverOn(directory, { maxTransferBytes: 100_000 });
  const tenant = newTenant(app);
  await tenant.append({ entry: { case: "observation", value: { type: "t", content: "x".repeat(200_000) } } });
  const answers = tenant.rpc.serverStream(AdminService.method.export, {});
  expect(await refusal(answers.next())).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    reason: "LIMIT_EXCEEDED",
    metadata: { limit: "100000" },
  });
  await expect.poll(() => readdir(directory)).toEqual([]);
});

test("on a full disk exports and imports are refused with a retry, and leave nothing", async ({ skip }) => {
  const disk = smallDisk(await temporaryFolder(), "512k");
  if (disk === undefined) return skip("a full disk (this account may mount none)");
  const { app } = await serverOn(disk);
  const tenant = newTenant(app);
  await tenant.append({ entry: { case: "observation", value: { type: "t", content: "x".repeat(700_000) } } });
  const full = { code: status.RESOURCE_EXHAUSTED, reason: "OVERLOADED", mayRetry: true };
  const answers = tenant.rpc.serverStream(AdminService.method.export, {});
  expect(await refusal(answers.next())).toMatchObject(full);
  const received = sendImport(tenant.rpc, [options, ...fileChunks("goals.json", "x".repeat(700_000))]);
  expect(await refusal(received)).toMatchObject(full);
  // It fits once, and not a second time as the copy that is kept.
  const goals = `[{"id":"g","description":"${"x".repeat(300_000)}"}]`;
  expect(await refusal(sendImport(tenant.rpc, [options, ...fileChunks("goals.json", goals)]))).toMatchObject(
    full,
  );
  const left = async () => [
    ...(await readdir(disk)).filter((name) => name !== "received"),
    ...(await readdir(join(disk, "received"))),
  ];
  await expect.poll(left, { timeout: 20_000 }).toEqual([]);
});

test("what a killed server leaves goes when one starts again, not what others work with", async () => {
  const directory = await temporaryFolder();
  const other = await serverOn(directory);
  const working = newTenant(other.app).rpc.clientStream(AdminService.method.import);
  working.write(options);
  await expect.poll(() => readdir(directory), { timeout: 20_000 }).toHaveLength(1);
  const [ofOther] = await readdir(directory);

  const killed = new CliProcess(["serve", "--grpc-port", "0", "--http-port", "0"], {
    DATABASE_URL: database.url,
    HOLDFAST_IMPORTS: directory,
  });
  const [, host = "", port] = await killed.says(/gRPC\s+(\S+):(\d+)/);
  const client = new RpcClient({ host, port: Number(port) }, { tenant: crypto.randomUUID() });
  onTestFinished(() => client.close());
  const silent = client.clientStream(AdminService.method.import);
  silent.write(options);
  silent.write(chunk("goals.json", Buffer.from("[")));
  const importing = new RpcClient({ host, port: Number(port) }, { tenant: crypto.randomUUID() });
  onTestFinished(() => importing.close());
  // One that takes a while, in a process of its own.
  const goals = Array.from({ length: 20_000 }, (_, i) => `{"id":"g${i}","description":"d"}`).join(",");
  const long = sendImport(importing, [options, ...fileChunks("goals.json", `[${goals}]`)]);
  const kept = join(directory, "received");
  const ownerIn = async () => {
    const [id = ""] = await readdir(kept);
    return JSON.parse(await readFile(join(kept, id, "owner.json"), "utf8")) as { pid: number };
  };
  await expect.poll(() => ownerIn().catch(() => undefined), { timeout: 60_000 }).toBeDefined();
  const { pid } = await ownerIn();
  expect(pid).not.toBe(killed.child.pid);
  killed.kill("SIGKILL");
  await killed.exited;
  await expect(long).rejects.toThrow();
  // The process of an import ends with its server.
  await expect.poll(() => findProcess(pid), { timeout: 60_000 }).toBeUndefined();
  expect(await readdir(directory)).toHaveLength(4);

  const next = await serverOn(directory);
  await expect.poll(() => readdir(directory), { timeout: 20_000 }).toEqual([ofOther, "received"].sort());
  // Two that were being received, and the copies of the one of them that was being imported.
  const removed = () => next.metric('holdfast_removed_folders_total{what="left_behind"}');
  await expect.poll(removed, { timeout: 20_000 }).toBe("3");
  expect(await readdir(kept)).toEqual([]);
  working.write(chunk("goals.json", Buffer.from(GOALS)));
  working.end();
  expect(await working.answer).toMatchObject({ completed: true, recordsMigrated: 1n });
});

test("a caller that sends empty chunks without a pause loses the call, and its tenant can import again", async () => {
  const { app } = await serverOn(await temporaryFolder(), {
    transferPatienceMs: 500,
    maxImportsPerTenant: 1,
  });
  const { rpc } = newTenant(app);
  const call = rpc.clientStream(AdminService.method.import);
  let isOver = false;
  const ended = refusal(call.answer).finally(() => {
    isOver = true;
  });
  call.write(options);
  const empty = chunk("goals.json", new Uint8Array());
  while (!isOver) {
    for (let i = 0; i < 100; i += 1) call.write(empty);
    await new Promise(setImmediate);
  }
  expect(await ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "LIMIT_EXCEEDED" });
  await expect
    .poll(() => sendImport(rpc, [options, ...fileChunks("goals.json", GOALS)]), { timeout: 60_000 })
    .toMatchObject({ completed: true });
});

test("a folder that cannot be written is named to who exports or imports, with its setting", async () => {
  const parent = await temporaryFolder();
  const file = join(parent, "a-file");
  await writeFile(file, "");
  // The account of the tests may be root, who may write every folder.
  const importsDirectory = join(file, "holdfast-imports");
  const { app } = await serverOn(importsDirectory);
  const { host, port } = app.grpc;
  const holdfast = connect({ address: `${host}:${port}` });
  onTestFinished(() => holdfast.close());
  await expect(holdfast.admin.exportTo(join(parent, "fetched"))).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "FOLDER_UNUSABLE",
    message: `expected a folder that this server can write, got ${importsDirectory} (ENOTDIR); set HOLDFAST_IMPORTS to another one`,
    metadata: { folder: importsDirectory, setting: "HOLDFAST_IMPORTS" },
  });
  const rpc = new RpcClient(app.grpc);
  onTestFinished(() => rpc.close());
  const failed = await refusal(sendImport(rpc, [options, ...fileChunks("goals.json", GOALS)]));
  expect(failed).toMatchObject({ code: status.FAILED_PRECONDITION, reason: "FOLDER_UNUSABLE" });
});
