import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { decryptWith, encryptTo } from "../src/archive/encryption.js";
import { archiveRefusal, exportTo, importFrom, temporaryFolder } from "./support/archives.js";
import { keepBusy, steps } from "./support/busy-tenant.js";
import { action, observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { propertyRuns } from "./support/property-runs.js";
import { query } from "./support/query.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const source = useServers({ memoryAccessIntervalMs: 1 });
const target = useServers({});

const sums = ({ manifest }: { manifest: { files: readonly { name: string; sha256: string }[] } }) =>
  manifest.files.map(({ name, sha256 }) => `${sha256}  ${name}`);

async function busyTenant() {
  const tenant = newTenant(source.app());
  const plan = [5, 0, 2, 3, 4, 6, 7, 8, 9, 2, 0, 1].map((step, i) => [step, i * 7, i * 5] as const);
  return { tenant, sessions: await keepBusy(tenant, plan) };
}

test("a busy tenant has changes of every kind and of every entity", async () => {
  const { tenant, sessions } = await busyTenant();
  const { manifest, folder } = await exportTo(source.databaseUrl, { tenantId: tenant.id });
  expect(manifest.files).toHaveLength(12 + ["revisions", "commits", "memory_access"].length);
  const revisions = readFileSync(join(folder, "revisions.jsonl"), "utf8");
  for (const change of ["CREATED", "UPDATED", "DELETED"]) expect(revisions).toContain(`"change":"${change}"`);
  expect(revisions).toContain('"lease_holder":"worker"');
  expect(sessions.length).toBeGreaterThan(2);
});

describe("a whole tenant", () => {
  test("comes back from its export as the log it was, whatever it went through", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const tenant = newTenant(source.app());
        await keepBusy(tenant, plan);
        const first = await exportTo(source.databaseUrl, { tenantId: tenant.id });
        const report = await importFrom(target.databaseUrl, first.folder);
        const { position, hash, log_id } = first.manifest.log;
        expect([String(report.position), report.hash]).toEqual([position, hash]);
        expect(String(await expectSoundLog(target.databaseUrl, tenant.id))).toBe(position);
        const second = await exportTo(target.databaseUrl, { tenantId: tenant.id });
        expect(sums(second)).toEqual(sums(first));
        expect(second.manifest.log).toEqual(first.manifest.log);
        const rows = await query(
          target.databaseUrl,
          "SELECT log_id FROM holdfast.tenant_logs WHERE tenant_id = $1",
          [tenant.id],
        );
        expect(rows).toEqual([{ log_id }]);
        const here = await tenant.listAll();
        expect(await tenant.on(target.app()).listAll()).toEqual(here);
      }),
      { numRuns: propertyRuns(5) },
    );
  });

  test("imported twice adds nothing, and goes on where it was", async () => {
    const { tenant } = await busyTenant();
    const { folder, manifest } = await exportTo(source.databaseUrl, { tenantId: tenant.id });
    await importFrom(target.databaseUrl, folder);
    const there = tenant.on(target.app());
    const { positions } = await there.append(observation());
    expect(positions).toEqual([BigInt(manifest.log.position) + 1n]);
    expect(await importFrom(target.databaseUrl, folder)).toMatchObject({
      added: 0,
      alreadyThere: Number(manifest.log.position),
    });
    expect(await expectSoundLog(target.databaseUrl, tenant.id)).toBe(positions[0]);
    const { memories } = await memoriesFound(there);
    expect(memories).toEqual((await memoriesFound(tenant)).memories);
  });

  test("is refused where the tenant has another log, and can be taken in as another tenant", async () => {
    const { tenant } = await busyTenant();
    const { folder, manifest } = await exportTo(source.databaseUrl, { tenantId: tenant.id });
    await tenant.on(target.app()).append(observation());
    const { reason, message } = await archiveRefusal(importFrom(target.databaseUrl, folder));
    expect([reason, message]).toEqual(["occupied", expect.stringContaining(tenant.id)]);
    const other = newTenant(target.app());
    expect((await importFrom(target.databaseUrl, folder, { tenantId: other.id })).hash).toBe(
      manifest.log.hash,
    );
    const again = await exportTo(target.databaseUrl, { tenantId: other.id });
    expect(again.manifest.files).toEqual(manifest.files);
    expect(again.manifest.log.log_id).not.toBe(manifest.log.log_id);
  });

  test("is as of one moment while it is written to", async () => {
    const tenant = newTenant(source.app());
    await tenant.append(observation());
    let isDone = false;
    const writing = (async () => {
      while (!isDone) await tenant.append(...Array.from({ length: 20 }, () => observation()), action());
    })();
    const exports = [];
    for (let i = 0; i < 3; i += 1) exports.push(await exportTo(source.databaseUrl, { tenantId: tenant.id }));
    isDone = true;
    await writing;
    const last = exports.at(-1);
    expect(Number(last?.manifest.log.position)).toBeGreaterThan(Number(exports[0]?.manifest.log.position));
    const report = await importFrom(target.databaseUrl, last?.folder ?? "");
    expect(String(report.position)).toBe(last?.manifest.log.position);
  });

  test("compressed and encrypted holds the same lines, and opens with its identity alone", async () => {
    const { tenant } = await busyTenant();
    const { generateIdentity, identityToRecipient } = await import("age-encryption");
    const [own, foreign] = [await generateIdentity(), await generateIdentity()];
    const keys = await temporaryFolder();
    writeFileSync(join(keys, "own"), `# created today\n${own}\n`);
    writeFileSync(join(keys, "foreign"), foreign);
    const encrypt = await encryptTo([await identityToRecipient(own)]);
    const plain = await exportTo(source.databaseUrl, { tenantId: tenant.id });
    const { folder, ...sealed } = await exportTo(
      source.databaseUrl,
      { tenantId: tenant.id },
      { compress: true, encrypt },
    );
    expect(sums(sealed)).toEqual(sums(plain));
    expect(readdirSync(folder).every((name) => name.endsWith(".age"))).toBe(true);
    expect(readdirSync(folder)).toContain("observations.jsonl.gz.age");
    for (const files of [[], [join(keys, "foreign")]]) {
      const decrypt = await decryptWith(files);
      const refused = await archiveRefusal(importFrom(target.databaseUrl, folder, { decrypt }));
      expect(refused).toMatchObject({
        reason: "identity",
        message: expect.stringContaining("manifest.json.age"),
      });
    }
    const decrypt = await decryptWith([join(keys, "own")]);
    expect((await importFrom(target.databaseUrl, folder, { decrypt })).hash).toBe(plain.manifest.log.hash);
  });

  test("carries what was noted of an appended row outside its content", async () => {
    const column = "ADD COLUMN IF NOT EXISTS note_test timestamptz";
    for (const { databaseUrl } of [source, target]) {
      await execute(databaseUrl, `ALTER TABLE holdfast.observations ${column}`);
    }
    const tenant = newTenant(source.app());
    await tenant.append(observation(), observation());
    const note = `UPDATE holdfast.observations SET note_test = '2026-01-02T03:04:05.678901Z'
      WHERE tenant_id = '${tenant.id}' AND position = 2`;
    await execute(source.databaseUrl, note);
    await execute(target.databaseUrl, "GRANT UPDATE (note_test) ON holdfast.observations TO holdfast_append");
    const { folder } = await exportTo(source.databaseUrl, { tenantId: tenant.id });
    await importFrom(target.databaseUrl, folder);
    const noted = await query(
      target.databaseUrl,
      "SELECT position, note_test::text FROM holdfast.observations WHERE tenant_id = $1 AND note_test IS NOT NULL",
      [tenant.id],
    );
    expect(noted).toEqual([{ position: 2n, note_test: expect.stringContaining("05.678901") }]);
  });

  test("without a log is nothing to export", async () => {
    const { id } = newTenant(source.app());
    expect(await archiveRefusal(exportTo(source.databaseUrl, { tenantId: id }))).toMatchObject({
      reason: "nothing",
      message: expect.stringContaining(id),
    });
  });
});

describe("a session", () => {
  test("goes to the end of another log as new changes with the same contents, once", async () => {
    const { tenant, sessions } = await busyTenant();
    const sessionId = sessions[0] ?? "";
    await tenant.append(observation({ sessionId, agentId: "a" }), action({ sessionId }), observation());
    await tenant.rpc.unary(SessionService.method.closeSession, { id: sessionId });
    const { folder, manifest, lines } = await exportTo(source.databaseUrl, {
      tenantId: tenant.id,
      sessionId,
    });
    expect(manifest.files.map(({ name }) => name)).not.toContain("commits.jsonl");
    const there = tenant.on(target.app());
    await there.append(observation());
    const report = await importFrom(target.databaseUrl, folder);
    expect(report).toMatchObject({ isLog: false, alreadyThere: 0, leftOut: 0, refusals: [] });
    expect(report.added).toBe(changesIn(manifest));
    expect(lines).toBeGreaterThan(report.added);
    await expectSoundLog(target.databaseUrl, tenant.id);
    const contents = (url: string) => contentHashes(url, tenant.id, sessionId);
    expect(await contents(target.databaseUrl)).toEqual(await contents(source.databaseUrl));
    const end = (await there.listAll()).length;
    expect(await importFrom(target.databaseUrl, folder)).toMatchObject({
      added: 0,
      alreadyThere: report.added,
    });
    expect(await there.listAll()).toHaveLength(end);
  });

  test("comes back with the contents it had, whatever it went through", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const tenant = newTenant(source.app());
        const sessions = await keepBusy(tenant, plan);
        const { id } = newTenant(target.app());
        for (const sessionId of sessions.slice(0, 3)) {
          const { folder, manifest } = await exportTo(source.databaseUrl, { tenantId: tenant.id, sessionId });
          const first = await importFrom(target.databaseUrl, folder, { tenantId: id });
          expect(first).toMatchObject({ added: changesIn(manifest), refusals: [] });
          const again = await importFrom(target.databaseUrl, folder, { tenantId: id });
          expect(again).toMatchObject({ added: 0, alreadyThere: first.added, refusals: [] });
          expect(await contentHashes(target.databaseUrl, id, sessionId)).toEqual(
            await contentHashes(source.databaseUrl, tenant.id, sessionId),
          );
        }
        await expectSoundLog(target.databaseUrl, id);
      }),
      { numRuns: propertyRuns(5) },
    );
  });

  test("that nobody knows is nothing to export", async () => {
    const { tenant } = await busyTenant();
    const scope = { tenantId: tenant.id, sessionId: "01900000-0000-7000-8000-000000000000" };
    expect(await archiveRefusal(exportTo(source.databaseUrl, scope))).toMatchObject({ reason: "nothing" });
  });
});

describe("an agent", () => {
  test("is taken in with the sessions it worked in, whatever its name", async () => {
    const tenant = newTenant(source.app());
    const agentId = 'it\'s \\ "quoted"; DROP TABLE';
    const { id: sessionId } = await tenant.open({ agentId: "another" });
    const { id: unrelated } = await tenant.open({ agentId: "another" });
    await tenant.append(
      observation({ sessionId, agentId }),
      action({ sessionId, agentId }),
      observation({ sessionId: unrelated, agentId: "another" }),
    );
    const { folder, manifest } = await exportTo(source.databaseUrl, { tenantId: tenant.id, agentId });
    expect(changesIn(manifest)).toBe(3);
    expect(await importFrom(target.databaseUrl, folder)).toMatchObject({ added: 3, refusals: [] });
    const agents = (await tenant.on(target.app()).listAll()).map(({ entity }) => entity.value?.agentId);
    // The last one tells of the import.
    expect(agents).toEqual(["another", agentId, agentId, ""]);
    await expectSoundLog(target.databaseUrl, tenant.id);
  });

  test("whose changes clash with what is there loses those alone, each named by its line", async () => {
    const tenant = newTenant(source.app());
    const id = "01900000-0000-7000-8000-00000000000a";
    await tenant.append(observation({ agentId: "a" }), observation({ id, agentId: "a", content: "one" }));
    const { folder } = await exportTo(source.databaseUrl, { tenantId: tenant.id, agentId: "a" });
    await tenant.on(target.app()).append(observation({ id, agentId: "a", content: "other" }));
    const report = await importFrom(target.databaseUrl, folder);
    expect(report).toMatchObject({ added: 1, alreadyThere: 0 });
    expect(report.refusals).toEqual([
      { where: "observations.jsonl line 2", reason: expect.stringContaining(id) },
    ]);
  });
});

describe("an export that is not what it was", () => {
  type Damage = readonly [what: string, change: (folder: string) => void, reason: string, message: RegExp];
  const edit = (name: string, change: (text: string) => string) => (folder: string) =>
    writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
  const damages: readonly Damage[] = [
    [
      "a changed text",
      edit("observations.jsonl", (text) => text.replace("number 3", "number 4")),
      "damaged",
      /^observations\.jsonl line 4 was altered/,
    ],
    [
      "a changed position",
      edit("observations.jsonl", (text) => text.replace('"position":"4"', '"position":"5"')),
      "damaged",
      /^observations\.jsonl line \d was altered/,
    ],
    [
      "a line that is gone",
      edit("observations.jsonl", (text) => text.split("\n").toSpliced(2, 1).join("\n")),
      "damaged",
      /^observations\.jsonl line 3: expected position \d+, got \d+/,
    ],
    [
      "the end cut off",
      edit("observations.jsonl", (text) => text.slice(0, -100)),
      "truncated",
      /^observations\.jsonl ends in the middle of a line/,
    ],
    [
      "the last line cut off",
      edit("observations.jsonl", (text) => `${text.trimEnd().split("\n").slice(0, -1).join("\n")}\n`),
      "truncated",
      /^observations\.jsonl ends after line 9: expected 10 lines/,
    ],
    [
      "a line twice",
      edit("commits.jsonl", (text) => text + (text.split("\n")[0] ?? "").concat("\n")),
      "damaged",
      /^commits\.jsonl was altered: expected SHA-256 \w+ of 11 lines, got \w+ of 12/,
    ],
    [
      "an altered commit",
      edit("commits.jsonl", (text) => text.replace(/"hash":"./, '"hash":"x')),
      "damaged",
      /^commits\.jsonl line 1 was altered/,
    ],
    [
      "an altered current state",
      edit("sessions.jsonl", (text) => text.replace("ACTIVE", "FAILED")),
      "damaged",
      /^sessions\.jsonl/,
    ],
    [
      "garbage in place of a file",
      edit("revisions.jsonl", () => "\u0000\u0001garbage\n"),
      "damaged",
      /^revisions\.jsonl line 1 was altered/,
    ],
    [
      "another hash in the manifest",
      edit("manifest.json", (text) => text.replace(/"sha256": "./g, '"sha256": "x')),
      "damaged",
      /SHA-256/,
    ],
    [
      "another end in the manifest",
      edit("manifest.json", (text) => text.replace(/"position": "\d+"/, '"position": "3"')),
      "damaged",
      /expected the log to end at position 3/,
    ],
    [
      "a manifest of a later version",
      edit("manifest.json", (text) => text.replace('"version": 1', '"version": 2')),
      "version",
      /format version 1, got 2/,
    ],
    [
      "a manifest of something else",
      edit("manifest.json", () => '{"format":"other"}'),
      "foreign",
      /manifest\.json/,
    ],
    ["a manifest that is no JSON", edit("manifest.json", () => "{"), "damaged", /manifest\.json is not JSON/],
    [
      "a manifest that leads elsewhere",
      edit("manifest.json", (text) => text.replace("sessions.jsonl", "../sessions.jsonl")),
      "damaged",
      /names the file "\.\.\/sessions/,
    ],
  ];

  test.each(damages)(
    "is refused for %s, and nothing of it is taken in",
    async (_what, change, reason, message) => {
      const tenant = newTenant(source.app());
      await tenant.open();
      for (let i = 0; i < 10; i += 1) await tenant.append(observation({ content: `number ${i}` }));
      const { folder } = await exportTo(source.databaseUrl, { tenantId: tenant.id });
      change(folder);
      const refusal = await archiveRefusal(importFrom(target.databaseUrl, folder));
      expect(refusal.message).toMatch(message);
      expect(refusal.reason).toBe(reason);
      expect(await tenant.on(target.app()).listAll()).toEqual([]);
    },
  );

  test("is refused without its manifest", async () => {
    const folder = await temporaryFolder();
    expect(await archiveRefusal(importFrom(target.databaseUrl, folder))).toMatchObject({ reason: "foreign" });
  });
});

function changesIn({ files }: { readonly files: readonly { holds: string; lines: number }[] }): number {
  return files
    .filter(({ holds }) => holds === "appended" || holds === "revisions")
    .reduce((sum, { lines }) => sum + lines, 0);
}

async function contentHashes(url: string, tenantId: string, sessionId: string): Promise<string[]> {
  const tables = ["observations", "decisions", "performance_metrics", "security_audits", "revisions"];
  const parts = tables.map(
    (table) => `SELECT content_hash FROM holdfast.${table} WHERE tenant_id = $1 AND session_id = $2`,
  );
  const rows = await query<{ content_hash: Buffer }>(url, parts.join(" UNION ALL "), [tenantId, sessionId]);
  return rows.map((row) => row.content_hash.toString("hex")).sort();
}

async function memoriesFound(tenant: ReturnType<typeof newTenant>) {
  const { MemoryService } = await import("../gen/holdfast/v1/memory_pb.js");
  const { memories } = await tenant.rpc.unary(MemoryService.method.listMemories, { pageSize: 100 });
  return { memories };
}
