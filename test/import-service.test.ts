import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { AdminService, type ImportRequestSchema, type ImportResponse } from "../gen/holdfast/v1/admin_pb.js";
import { GoalService } from "../gen/holdfast/v1/goal_pb.js";
import { SecurityAuditService } from "../gen/holdfast/v1/security_audit_pb.js";
import { SAMPLE } from "./support/importing.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const importsDirectory = mkdtempSync(join(tmpdir(), "holdfast-imports-test-"));
afterAll(() => rmSync(importsDirectory, { recursive: true, force: true }));
const servers = useServers({ importsDirectory });

type Request = MessageInitShape<typeof ImportRequestSchema>;

/** Calls Import with these messages. */
function send(tenantId: string, requests: readonly Request[]): Promise<ImportResponse> {
  const { host, port } = servers.app().grpc;
  const client = new Client(`${host}:${port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const metadata = new Metadata();
  metadata.set("holdfast-tenant", tenantId);
  const { input, output } = AdminService.method.import;
  return new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest(
      "/holdfast.v1.AdminService/Import",
      (request: Request) => Buffer.from(toBinary(input, create(input, request))),
      (bytes) => fromBinary(output, bytes),
      metadata,
      {},
      (error, value) => (error ? reject(error) : resolve(value as ImportResponse)),
    );
    for (const request of requests) call.write(request);
    call.end();
  });
}

const options: Request = { request: { case: "options", value: {} } };

function chunk(name: string, data: Uint8Array): Request {
  return { request: { case: "chunk", value: { name, data } } };
}

function sampleChunks(): Request[] {
  const files = readdirSync(SAMPLE, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(SAMPLE.length);
    const bytes = readFileSync(path);
    const cuts = Array.from({ length: Math.ceil(bytes.length / 100_000) }, (_, i) => i * 100_000);
    return cuts.map((from) => chunk(name, bytes.subarray(from, from + 100_000)));
  });
}

test("files that a remote agent sends are imported, compared, and answered with the report", async () => {
  const tenant = newTenant(servers.app());
  const answer = await send(tenant.id, [options, ...sampleChunks()]);
  expect(answer).toMatchObject({ completed: true, recordsMigrated: 776n, recordsQuarantined: 0n });
  expect(answer.leavesFound).toBe(answer.leavesInSource);
  expect([answer.leavesDiffering, answer.leavesMissing]).toEqual([0n, 0n]);
  const report = JSON.parse(Buffer.from(answer.report?.data ?? []).toString());
  expect(report.migration_summary).toMatchObject({ status: "completed", import_id: answer.importId });
  const { goal } = await tenant.rpc.unary(GoalService.method.getGoal, {
    key: { case: "externalId", value: "goal_1" },
  });
  expect(Buffer.from(goal?.metadata?.data ?? []).toString()).toContain('"created_at"');
  const { securityAudits } = await tenant.rpc.unary(SecurityAuditService.method.listSecurityAudits, {});
  const byHoldfast = securityAudits
    .filter((audit) => audit.byHoldfast)
    .map(({ operation, actor }) => [operation, actor]);
  expect(byHoldfast).toEqual([
    ["import", "anonymous"],
    ["/holdfast.v1.AdminService/Import", "anonymous"],
  ]);
  const again = await send(tenant.id, [options, ...sampleChunks()]);
  expect(again).toMatchObject({ completed: true, recordsMigrated: 776n });
  await expectSoundLog(servers.databaseUrl, tenant.id);
  // What was received is in the backup of its import alone.
  expect(readdirSync(importsDirectory).filter((name) => name.startsWith("received-"))).toEqual([]);
});

test("names that lead out of the folder, and messages out of turn, are refused", async () => {
  const { id } = newTenant(servers.app());
  const data = Buffer.from("[]");
  const refused = async (...requests: Request[]) => (await send(id, requests).catch((error) => error)).code;
  for (const name of [
    "../goals.json",
    "/goals.json",
    "a/../../goals.json",
    "a\\..\\goals.json",
    "",
    "a/\0",
    "💥".repeat(64),
    `a/${"x".repeat(256)}/goals.json`,
    `${"x".repeat(100)}/`.repeat(10).concat("goals.json"),
  ]) {
    expect(await refused(options, chunk(name, data)), JSON.stringify(name)).toBe(status.INVALID_ARGUMENT);
  }
  const goals = chunk("goals.json", data);
  expect(await refused(options, goals, chunk("actions.json", data), goals)).toBe(status.INVALID_ARGUMENT);
  const [file, below] = [chunk("a", data), chunk("a/b/goals.json", data)];
  expect(await refused(options, file, below)).toBe(status.INVALID_ARGUMENT);
  expect(await refused(options, below, file)).toBe(status.INVALID_ARGUMENT);
  expect(await refused(goals)).toBe(status.INVALID_ARGUMENT);
  expect(await refused(options, options)).toBe(status.INVALID_ARGUMENT);
  expect(await refused()).toBe(status.INVALID_ARGUMENT);
  expect(await refused(options, chunk("notes.txt", data))).toBe(status.INVALID_ARGUMENT);
});
