import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterAll, expect, test } from "vitest";
import { AdminService } from "../../gen/holdfast/v1/admin_pb.js";
import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { refusal } from "../support/refusal.js";
import { chunk, fileChunks, options, sendImport } from "../support/send-import.js";
import { callWithoutReading } from "../support/unread-call.js";

const MIB = 1024 * 1024;
const DISK_BYTES = 32 * MIB;
const directory = mkdtempSync(join(tmpdir(), "holdfast-abused-files-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const server = useAbusedServer({
  HOLDFAST_IMPORTS: directory,
  HOLDFAST_MAX_TRANSFER_BYTES: String(DISK_BYTES),
  // Nobody in this file is slow but those who say nothing.
  HOLDFAST_TRANSFER_PATIENCE_MS: "8000",
});

/** Everything of ended calls is gone: no transfer, no byte, no folder. */
async function expectNothingLeft(): Promise<void> {
  const held = async () => [
    await server.metric("holdfast_transfers"),
    await server.metric("holdfast_transfer_disk_bytes"),
    readdirSync(directory).filter((name) => name !== "received"),
  ];
  await expect.poll(held, { timeout: 60_000 }).toEqual([0, 0, []]);
}

test("exports that nobody reads and imports that fall silent are few, and end", async () => {
  // Far more than HTTP/2 sends to whoever does not read.
  const content = "x".repeat(900_000);
  const entry = { entry: { case: "observation" as const, value: { type: "t", content } } };
  await server.as("abuser").unary(EventService.method.append, { entries: [entry] });
  const abuser = server.as("abuser-admin");
  await besideModestTenant(server, async () => {
    const silent = abuser.clientStream(AdminService.method.import);
    silent.write(options);
    silent.write(chunk("goals.json", Buffer.from("[")));
    const sendsNothing = server.as("accomplice-admin").clientStream(AdminService.method.import);
    const another = sendImport(abuser, [options]);
    for (let i = 0; i < 40; i += 1) {
      callWithoutReading(server.grpc, server.token("abuser-admin"), AdminService.method.export);
    }
    expect(await refusal(another)).toMatchObject({ reason: "OVERLOADED", mayRetry: true });
    const slow = () => server.metric("holdfast_transfers_total", 'outcome="slow"');
    await expect.poll(slow, { timeout: 60_000 }).toBe(4);
    const tooSlow = { code: status.RESOURCE_EXHAUSTED, reason: "LIMIT_EXCEEDED" };
    for (const answer of [silent.answer, sendsNothing.answer]) {
      const refused = await refusal(answer);
      expect(refused).toMatchObject(tooSlow);
      expect(refused.message).toContain("too slow");
    }
    // Of the exports all but two, and the second import.
    expect(await server.metric("holdfast_transfers_total", 'outcome="rejected"')).toBe(39);
  });
  await expectNothingLeft();
});

test("an import of a value that takes long to compare stops nobody else", async () => {
  const leaves = Array.from({ length: 300_000 }, (_, i) => `"k${i}":${i}`).join(",");
  const goals = `[{"id":"g","description":"d","metadata":{${leaves}}}]`;
  const answer = await besideModestTenant(server, () =>
    sendImport(server.as("abuser-admin"), [options, ...fileChunks("goals.json", goals)]),
  );
  expect(answer).toMatchObject({ recordsMigrated: 0n, recordsQuarantined: 1n });
  await expectNothingLeft();
});

test("imports past the limits of names and bytes are refused, and leave nothing", async () => {
  const abuser = server.as("abuser-admin");
  const refused = async (messages: Parameters<typeof sendImport>[1]) => refusal(sendImport(abuser, messages));
  await besideModestTenant(server, async () => {
    // A KiB each: on a machine that is busy with other things, many small messages may be slower than the patience.
    const names = Array.from({ length: 5001 }, (_, i) => chunk(`${i}.json`, Buffer.alloc(1024, " ")));
    expect(await refused([options, ...names])).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "LIMIT_EXCEEDED",
      metadata: { limit: "5000" },
    });
    const overBudget = {
      code: status.RESOURCE_EXHAUSTED,
      reason: "LIMIT_EXCEEDED",
      metadata: { limit: String(DISK_BYTES) },
    };
    const large = fileChunks("goals.json", "x".repeat(DISK_BYTES + 1));
    expect(await refused([options, ...large])).toMatchObject(overBudget);
    // A few bytes each, but what could not be imported is kept with its path.
    const path = `${`${"d".repeat(200)}/`.repeat(4)}goals.json`;
    const bad = fileChunks(path, `[${"1,".repeat(40_000)}1]`);
    expect(await refused([options, ...bad])).toMatchObject(overBudget);
  });
  await expectNothingLeft();
});
