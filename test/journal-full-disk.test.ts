import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError, json } from "@holdfast/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { openJournaled, startAbsentServer, temporaryFolder } from "./support/journal-clients.js";
import { smallDisk } from "./support/small-disk.js";
import { expectSoundLog } from "./support/verify-log.js";

const DISK = "512k";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

test("a journal on a full disk refuses with JOURNAL_FAILED, keeps what it acknowledged, and goes on with room", async ({
  skip,
}) => {
  const disk = smallDisk(await temporaryFolder(), DISK);
  if (disk === undefined) return skip("a full disk under the journal (this account may mount none)");
  const server = await startAbsentServer(database.url);
  const tenantId = randomUUID();
  const holdfast = openJournaled(server.address, join(disk, "journal"), tenantId);
  await server.stop();

  const data = json({ text: "x".repeat(9_000) });
  const kept: string[] = [];
  const write = async (id: string) => {
    const saved = await holdfast.observations.create({ id, type: "kept", data });
    expect(saved.state).toBe("journaled");
    kept.push(id);
  };
  let refusal: unknown;
  for (let i = 0; i < 200 && refusal === undefined; i += 1) {
    await write(randomUUID()).catch((error: unknown) => {
      refusal = error;
    });
  }
  expect(refusal).toBeInstanceOf(HoldfastError);
  expect(refusal).toMatchObject({ code: "UNAVAILABLE", reason: "JOURNAL_FAILED" });
  expect((refusal as Error).message).toContain("ENOSPC");
  expect(kept.length).toBeGreaterThan(10);
  expect(holdfast.journal.state).toMatchObject({ mode: "journaling", entries: kept.length });

  // Many at once, with next to no room: each is told by itself what became of it.
  const filler = join(disk, "filler");
  const { bavail, bsize } = statfsSync(disk);
  if (bavail > 0) writeFileSync(filler, Buffer.alloc(bavail * bsize));
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => write(randomUUID())));
  expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
  expect(holdfast.journal.state.entries).toBe(kept.length);

  execFileSync("mount", ["-o", "remount,size=8m", disk]);
  for (let i = 0; i < 20; i += 1) await write(randomUUID());
  expect(holdfast.journal.state.entries).toBe(kept.length);

  rmSync(filler, { force: true });
  await server.start();
  await holdfast.journal.drained();
  const found: string[] = [];
  for await (const { entity } of holdfast.events.list()) {
    if (entity.case === "observation") found.push(entity.value.id);
  }
  expect(found).toEqual(kept);
  await expectSoundLog(database.url, tenantId);
});
