import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sha256Of } from "../src/legacy/backup.js";
import { quarantineDiscovery } from "../src/legacy/from-quarantine.js";
import { importFolder } from "../src/legacy/import-folder.js";
import type { ImportReport } from "../src/legacy/import-report.js";
import { connect } from "./support/connect.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { type ImportTenant, importFolderAt, importTenant } from "./support/importing.js";
import { expectSoundLog } from "./support/verify-log.js";

// Most import the whole sample several times, each time from files to disk and back.
let database: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = await connect(database.url);
  await owner.query("SET ROLE holdfast_append");
});

afterAll(async () => {
  await owner.end();
  await database.close();
});

async function rows(tenant: ImportTenant, table: string): Promise<Record<string, unknown>[]> {
  const answer = await owner.query(`SELECT * FROM holdfast.${table} WHERE tenant_id = $1`, [tenant.id]);
  return answer.rows;
}

async function set(): Promise<{ tenant: ImportTenant; source: string; root: string; backups: string }> {
  const { root, source } = await importFolderAt(true);
  const backups = join(root, "backups");
  return { tenant: importTenant(database.url, backups), source, root, backups };
}

async function files(folder: string): Promise<Record<string, string>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const hashes: Record<string, string> = {};
  for (const entry of found.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    hashes[path] = await sha256Of(path);
  }
  return hashes;
}

function expectEqual({ verification }: ImportReport): void {
  expect(verification).toMatchObject({ differing: 0, missing: 0, examples: [] });
  expect(verification?.leaves_found).toBe(verification?.leaves_in_source);
}

async function writeState(source: string, name: string, text: string): Promise<void> {
  await mkdir(join(source, ".agent_state"), { recursive: true });
  await writeFile(join(source, ".agent_state", name), text);
}

describe("the sample of an older agent", () => {
  test("is imported whole, every leaf found again, and leaves its files as they were", async () => {
    const { tenant, source } = await set();
    const before = await files(source);
    const report = await tenant.run(source);
    expect(report.migration_summary).toMatchObject({
      status: "completed",
      files_processed: 9,
      records_migrated: 776,
      records_quarantined: 0,
      errors: 0,
    });
    expectEqual(report);
    expect(report.verification?.leaves_in_source).toBeGreaterThan(12_000);
    expect(await files(source)).toEqual(before);
    await expectSoundLog(database.url, tenant.id);

    const [observation] = await owner
      .query(
        `SELECT o.content, o.metrics, a.external_id AS action, g.external_id AS goal
         FROM holdfast.observations o
         JOIN holdfast.actions a ON a.tenant_id = o.tenant_id AND a.id = o.action_id
         JOIN holdfast.goals g ON g.tenant_id = o.tenant_id AND g.id = o.goal_id
         WHERE o.tenant_id = $1 AND o.external_id = 'obs_0_0'`,
        [tenant.id],
      )
      .then((answer) => answer.rows);
    expect(observation).toEqual({
      content: "plain 東京の天気",
      metrics: { latency_ms: 507.436, tokens: 154 },
      action: "act_0_0",
      goal: "goal_1",
    });
    const [decision] = await owner
      .query(
        `SELECT s.external_id, s.status FROM holdfast.decisions d
         JOIN holdfast.sessions s ON s.tenant_id = d.tenant_id AND s.id = d.session_id
         WHERE d.tenant_id = $1 AND d.external_id = 'dec_1'`,
        [tenant.id],
      )
      .then((answer) => answer.rows);
    expect(decision).toEqual({ external_id: "session_1", status: "COMPLETED" });
  });

  test("imported again, and by two at once, adds nothing", async () => {
    const { tenant, source } = await set();
    const [one, other] = await Promise.all([tenant.run(source), tenant.run(source)]);
    for (const report of [one, other]) expectEqual(report as ImportReport);
    const logged = async () =>
      (await rows(tenant, "security_audits")).length +
      (await rows(tenant, "revisions")).length +
      (await rows(tenant, "observations")).length;
    const before = await logged();
    const again = await tenant.run(source);
    expectEqual(again);
    // The audit of the import itself.
    expect(await logged()).toBe(before + 1);
    const added = Object.values(again.database_statistics).map((table) => table.added + table.revised);
    expect(new Set(added)).toEqual(new Set([0]));
    expect(await rows(tenant, "observations")).toHaveLength(212);
    await expectSoundLog(database.url, tenant.id);
  });

  test("rolled back is gone but for the log, and its originals are theirs again, byte for byte", async () => {
    const { tenant, source } = await set();
    const before = await files(source);
    const report = await tenant.run(source, { archive: true });
    expect(report.migration_details.archived).toHaveLength(9);
    expect(Object.keys(await files(source)).every((path) => path.endsWith(".backup"))).toBe(true);
    const { rollback } = await import("../src/legacy/rollback.js");
    const undone = await tenant.within((context) =>
      rollback(context, report.migration_summary.import_id, false),
    );
    expect(undone.removed).toBeGreaterThan(500);
    expect(await files(source)).toEqual(before);
    for (const table of ["goals", "actions", "memories", "sessions", "configurations"]) {
      expect((await rows(tenant, table)).every((row) => row.delete_time !== null)).toBe(true);
    }
    expect((await rows(tenant, "observations")).every((row) => row.withdraw_time !== null)).toBe(true);
    const audits = (await rows(tenant, "security_audits")).filter((row) => row.by_holdfast);
    expect(audits.map((row) => row.operation)).toEqual(["import", "import rollback"]);
    await expectSoundLog(database.url, tenant.id);

    // What was rolled back can be imported again.
    const again = await tenant.run(source);
    expectEqual(again);
    expect((await rows(tenant, "goals")).filter((row) => row.delete_time === null)).toHaveLength(40);
    await expectSoundLog(database.url, tenant.id);
  });

  test("changed since its import stops a rollback, which says what; force removes that as well", async () => {
    const { tenant, source } = await set();
    const report = await tenant.run(source);
    const { rollback } = await import("../src/legacy/rollback.js");
    const id = report.migration_summary.import_id;
    await writeState(
      source,
      "goals.json",
      '[{"id": "goal_1", "description": "changed", "status": "blocked"}]',
    );
    await rm(join(source, "agent_enterprise.db"));
    await tenant.run(join(source, ".agent_state", "goals.json"));
    const stopped = tenant.within((context) => rollback(context, id, false));
    await expect(stopped).rejects.toThrow(/Changed since the import: goal [0-9a-f-]{36}\. Nothing was done/);
    const undone = await tenant.within((context) => rollback(context, id, true));
    expect(undone.removed).toBeGreaterThan(500);
    expect((await rows(tenant, "goals")).every((row) => row.delete_time !== null)).toBe(true);
    await expectSoundLog(database.url, tenant.id);
  });

  test("is told of by a dry run, which writes nothing", async () => {
    const { tenant, source, backups } = await set();
    const report = await tenant.run(source, { dryRun: true });
    expect(report.migration_summary).toMatchObject({ status: "dry run", records_quarantined: 0 });
    expect(report.database_statistics.goals).toMatchObject({ read: 80, added: 0 });
    expect(await rows(tenant, "revisions")).toEqual([]);
    await expect(readdir(backups)).rejects.toThrow();
  });
});

describe("a backup", () => {
  test("is listed with the SHA-256 of every source, and readable by its age recipient alone", async () => {
    const { tenant, source } = await set();
    const identity = await generateX25519Identity();
    const report = await tenant.run(source, { encryptTo: [await identityToRecipient(identity)] });
    const backup = report.migration_details.backup ?? "";
    const manifest = JSON.parse(await readFile(join(backup, "holdfast-import.json"), "utf8"));
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    for (const { file, sha256 } of manifest.files) {
      const encrypted = await readFile(join(backup, "files", `${file}.age`));
      const plain = await decrypter.decrypt(new Uint8Array(encrypted));
      expect(createHash("sha256").update(plain).digest("hex")).toBe(sha256);
      expect(sha256).toBe(await sha256Of(join(source, file)));
    }
    expect(manifest.files).toHaveLength(9);
    expect(Object.keys(await files(backup)).filter((path) => path.includes("plain"))).toEqual([]);
  });
});

describe("bad records", () => {
  test("are set aside by file, path and reason, the rest goes in, and what was mended follows", async () => {
    const { tenant, root, source } = await set();
    await rm(source, { recursive: true });
    const goals = [
      '{"id": "good", "description": "fine", "status": "pending", "n": 12345678901234567890}',
      '{"description": "no id"}',
      '{"id": "odd", "status": "sleeping"}',
      '{"id": "typed", "priority": "high"}',
      "[1, 2]",
      '{"id": "broken", "status": pending}',
    ];
    await writeState(source, "goals.json", `{"goals": [${goals.join(",\n")}], "version": 7}`);
    await writeState(source, "actions.json", "this is no JSON");
    await writeState(source, "observations.json", '[{"id": "o1", "content": "whole"}, {"id": "o2", "cont');
    const report = await tenant.run(source);
    expect(report.migration_summary).toMatchObject({
      records_quarantined: 7,
      errors: 2,
      status: "completed",
    });
    expectEqual(report);
    expect((await rows(tenant, "goals")).map((row) => row.external_id)).toEqual(["good"]);
    expect((await rows(tenant, "observations")).map((row) => row.external_id)).toEqual(["o1"]);
    const [counter] = await rows(tenant, "configurations");
    expect(counter).toMatchObject({ key: "legacy..agent_state/goals.json.version", value: 7 });
    const reasons = report.migration_details.quarantine.examples.map(
      ({ file, path, reason }) => `${file} ${path}: ${reason}`,
    );
    expect(reasons).toEqual([
      ".agent_state/goals.json $.goals[1]: missing id: expected id",
      '.agent_state/goals.json $.goals[2]: unknown status: "sleeping"',
      ".agent_state/goals.json $.goals[3]: expected a number in priority, got a string",
      ".agent_state/goals.json $.goals[4]: expected an object, got a list",
      expect.stringMatching(/goals\.json \$\.goals\[5]: not JSON: expected a value at character 27/),
      expect.stringMatching(/actions\.json \$: /),
      expect.stringMatching(/observations\.json \$\[1]: the file ends in the middle/),
    ]);

    const quarantine = report.migration_details.quarantine.file ?? "";
    const lines = (await readFile(quarantine, "utf8")).trim().split("\n");
    const mended = [
      (lines[1] ?? "").replaceAll("sleeping", "completed"),
      (lines[4] ?? "").replace('status\\": pending', 'status\\": \\"pending\\"'),
      '{"file": ".agent_state/observations.json", "record": {"id": "o2", "content": "mended"}}',
    ];
    const file = join(root, "mended.jsonl");
    await writeFile(file, mended.join("\n"));
    const { discovery, close } = await quarantineDiscovery(file);
    const backups = join(root, "backups");
    const options = {
      path: "",
      backups,
      encryptTo: [],
      dryRun: false,
      archive: false,
      acceptDifferences: false,
    };
    const second = await tenant.within((context) =>
      importFolder(context, { ...options, discovered: discovery }),
    );
    await close();
    expect(second.migration_summary).toMatchObject({ records_migrated: 3, records_quarantined: 0 });
    const names = (await rows(tenant, "goals")).map((row) => row.external_id);
    expect(names.sort()).toEqual(["broken", "good", "odd"]);
  });
});

describe("secrets of an old configuration", () => {
  test("are stored as secrets, and never told", async () => {
    const { tenant, source } = await set();
    const secret = "sk-live-0123456789";
    const config = {
      ai: { api_key: secret, model: "m", max_tokens: 4096 },
      database: { url: { password: secret } },
    };
    await writeFile(join(source, ".agent_config.json"), JSON.stringify(config));
    await mkdir(join(source, "broken"));
    await writeFile(join(source, "broken", ".agent_config.json"), `{"ai": {"token": ${secret}, "x": 1}}`);
    const report = await tenant.run(source);
    expect(report.migration_summary.records_quarantined).toBe(1);
    expect(JSON.stringify(report)).not.toContain(secret.slice(0, 5));
    const found = (await rows(tenant, "configurations")).filter((row) =>
      /^(ai|database)\./.test(`${row.key}`),
    );
    const flags = Object.fromEntries(found.map((row) => [row.key, row.is_secret]));
    expect(flags).toEqual({
      "ai.api_key": true,
      "ai.model": false,
      "ai.max_tokens": false,
      "ai.x": false,
      "database.url": true,
    });
    expect(found.every((row) => !JSON.stringify(row.metadata ?? "").includes(secret))).toBe(true);
  });
});

describe("the same id", () => {
  test("twice in a file keeps both contents, the later one as current", async () => {
    const { tenant, source } = await set();
    await rm(source, { recursive: true });
    const memory = (score: number) => `{"id": "m", "success_score": ${score}, "context": {"n": ${score}}}`;
    const list = [memory(0.1), memory(0.2), memory(0.1), memory(0.3)];
    await writeState(source, "episodic_memory.json", `{"episodic": [${list}], "counter": 4}`);
    const observation = (text: string) => `{"id": "o", "content": "${text}"}`;
    await writeState(
      source,
      "observations.json",
      `[${observation("a")}, ${observation("b")}, ${observation("a")}]`,
    );
    for (let times = 0; times < 2; times += 1) {
      expectEqual(await tenant.run(source));
      expect((await rows(tenant, "memories")).map((row) => [row.success_score, row.revision])).toEqual([
        [0.3, "4"],
      ]);
      const kept = (await rows(tenant, "observations")).map((row) => row.content);
      expect(kept.sort()).toEqual(["a", "b"]);
    }
  });
});

describe("goals and sessions", () => {
  test("keep what is above them though it comes later, in whatever depth", async () => {
    const { tenant, source } = await set();
    await rm(source, { recursive: true });
    const goals = ["c", "b", "a"].map((id, i, all) => {
      const above = all[i + 1] === undefined ? null : all[i + 1];
      return { id, description: id, progress: 0.5, parent_goal_id: above, status: "in_progress" };
    });
    await writeState(source, "goals.json", JSON.stringify([...goals, { id: "d", parent_goal_id: "nobody" }]));
    const report = await tenant.run(source);
    expectEqual(report);
    expect(report.migration_details.links_to_nothing).toBe(1);
    const found = await rows(tenant, "goals");
    const nameOf = new Map(found.map((row) => [row.id, row.external_id]));
    const parents = Object.fromEntries(found.map((row) => [row.external_id, nameOf.get(row.parent_goal_id)]));
    expect(parents).toEqual({ a: undefined, b: "a", c: "b", d: undefined });
    expect(found.filter((row) => row.external_id !== "d").every((row) => row.progress === 0.5)).toBe(true);
  });
});

describe("a database", () => {
  test("that its agent still has open is read with what is in its write-ahead log", async () => {
    const { tenant, source } = await set();
    await rm(source, { recursive: true });
    await mkdir(source);
    const fixture = new URL("./fixtures/legacy-wal/", import.meta.url);
    for (const name of ["agent_enterprise.db", "agent_enterprise.db-wal"]) {
      await writeFile(join(source, name), await readFile(new URL(name, fixture)));
    }
    const report = await tenant.run(source);
    expectEqual(report);
    const goals = (await rows(tenant, "goals")).map((row) => [row.external_id, row.title]);
    // The last transaction in the log was never committed.
    expect(goals.sort()).toEqual([
      ["in the file", "changed in the log"],
      ["in the log", "added"],
    ]);
    expect(report.migration_details.unknown_columns).toEqual(["agent_enterprise.db goals.mood"]);
    expect(report.migration_details.unknown_tables).toEqual(["agent_enterprise.db users (1 rows)"]);
    const [user] = await rows(tenant, "configurations");
    expect(user).toMatchObject({ key: "table.users.u1", is_secret: true });
    const [goal] = await rows(tenant, "goals");
    expect(JSON.stringify(goal?.metadata)).toContain("9223372036854775807".slice(0, 15));
  });
});
