import { randomUUID } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type BackupOptions, backUp } from "../src/archive/backup.js";
import { decryptWith, encryptTo } from "../src/archive/encryption.js";
import { type RestoreOptions, restore } from "../src/archive/restore.js";
import { tarMembers } from "../src/archive/tar-reader.js";
import { TAR_END, tarMember } from "../src/archive/tar-writer.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../src/postgres/start-embedded-postgres.js";
import { beginLoading } from "../src/store/archive/load-database.js";
import { copyTable } from "../src/store/archive/read-database.js";
import { migrateUp, migrationNames } from "../src/store/migrate.js";
import { withOwnerSession } from "../src/store/owner-session.js";
import { archiveRefusal, codecs, temporaryFolder } from "./support/archives.js";
import { keepBusy } from "./support/busy-tenant.js";
import { buildCli, CliProcess, runCli } from "./support/cli-process.js";
import { createTestDatabase } from "./support/create-test-database.js";
import { withDatabase } from "./support/database-url.js";
import { dumpSchema } from "./support/dump-schema.js";
import { action, observation, startAction } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { query } from "./support/query.js";
import { runCommand } from "./support/run-command.js";
import { startServer } from "./support/start-server.js";
import { newTenant, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const source = useServers({ memoryAccessIntervalMs: 1 });
const PLAN = [0, 2, 3, 4, 5, 6, 7, 8, 9, 2, 0, 1].map((step, i) => [step, i * 7, i * 5] as const);

// Once; a tenant's connection is closed with a test.
let isFilled = false;
beforeEach(async () => {
  if (!isFilled) await keepBusy(newTenant(source.app()), PLAN);
  isFilled = true;
});

async function emptyDatabase(schema: "migrated" | "empty" = "empty"): Promise<string> {
  const { url, close } = await createTestDatabase({ schema });
  onTestFinished(close);
  return url;
}

async function backupOf(url: string, more: Partial<BackupOptions> = {}) {
  const file = join(await temporaryFolder(), "backup");
  return { file, ...(await backUp({ url, file, version: "0.0.0", ...more })) };
}

async function restoreTo(url: string, file: string, more: Partial<RestoreOptions> = {}) {
  return restore({ url, file, decrypt: await decryptWith([]), codecs, ...more });
}

/** Every row of every table that holds what was recorded, as text. */
async function contents(url: string): Promise<Record<string, string[]>> {
  const tables = await query<{ table_name: string }>(
    url,
    `SELECT table_name FROM information_schema.tables WHERE table_schema = 'holdfast'
     AND table_name NOT IN ('migrations', 'migrations_lock', 'routines') ORDER BY 1`,
  );
  const rows: Record<string, string[]> = {};
  for (const { table_name: table } of tables) {
    const found = await query<{ row: string }>(
      url,
      `SELECT t::text AS row FROM holdfast.${table} t ORDER BY 1`,
    );
    rows[table] = found.map(({ row }) => row);
  }
  return rows;
}

async function isUntouched(url: string): Promise<boolean> {
  return (await query(url, "SELECT FROM pg_namespace WHERE nspname = 'holdfast'")).length === 0;
}

describe("a backup", () => {
  test("restores every row of every tenant into an empty database, and servers go on from there", async () => {
    const tenants = [newTenant(source.app()), newTenant(source.app())];
    for (const tenant of tenants) await keepBusy(tenant, PLAN);
    const { file, manifest, rows } = await backupOf(source.databaseUrl);
    const url = await emptyDatabase();
    const report = await restoreTo(url, file);
    expect(report).toMatchObject({ rows, migrated: [] });
    expect(await contents(url)).toEqual(await contents(source.databaseUrl));
    expect(await dumpSchema(url)).toBe(await dumpSchema(source.databaseUrl));
    const app = await startServer(url, { logLevel: "silent" });
    onTestFinished(() => app.close());
    for (const tenant of tenants) {
      const end = manifest.tenants.find(({ tenant_id }) => tenant_id === tenant.id);
      const { positions } = await tenant.on(app).append(observation());
      expect(positions).toEqual([BigInt(end?.position ?? 0) + 1n]);
      await expectSoundLog(url, tenant.id);
    }
  });

  test("is as of one moment for all tenants while they are written to", async () => {
    const tenants = Array.from({ length: 3 }, () => newTenant(source.app()));
    let isDone = false;
    const write = async (tenant: Tenant) => {
      while (!isDone) await tenant.append(...Array.from({ length: 10 }, () => observation()));
    };
    const writing = tenants.map(write);
    for (const tenant of tenants) while ((await tenant.listAll()).length < 30);
    const { file, manifest } = await backupOf(source.databaseUrl);
    isDone = true;
    await Promise.all(writing);
    const url = await emptyDatabase();
    await restoreTo(url, file);
    for (const { id, listAll } of tenants) {
      const end = manifest.tenants.find(({ tenant_id }) => tenant_id === id);
      expect(await expectSoundLog(url, id)).toBe(BigInt(end?.position ?? 0));
      expect((await listAll()).length).toBeGreaterThanOrEqual(Number(end?.position));
    }
  });

  test("is restored into a database that was migrated and never written to", async () => {
    const { file, rows } = await backupOf(source.databaseUrl);
    expect((await restoreTo(await emptyDatabase("migrated"), file)).rows).toBe(rows);
  });

  test("is refused by a database that holds anything, which stays as it is", async () => {
    const { file } = await backupOf(source.databaseUrl);
    const url = await emptyDatabase();
    await restoreTo(url, file);
    const before = await contents(url);
    const { reason, message } = await archiveRefusal(restoreTo(url, file));
    expect([reason, message]).toEqual(["occupied", expect.stringContaining("observations")]);
    expect(await contents(url)).toEqual(before);
  });

  test("of a database without a schema is refused", async () => {
    expect(await archiveRefusal(backupOf(await emptyDatabase()))).toMatchObject({ reason: "nothing" });
  });

  test("encrypted opens with its identity alone", async () => {
    const { generateIdentity, identityToRecipient } = await import("age-encryption");
    const [own, foreign] = [await generateIdentity(), await generateIdentity()];
    const keys = await temporaryFolder();
    for (const [name, key] of Object.entries({ own, foreign, none: "# nothing here" })) {
      writeFileSync(join(keys, name), `${key}\n`);
    }
    const encrypt = await encryptTo([await identityToRecipient(own)]);
    const { file, rows } = await backupOf(source.databaseUrl, { encrypt });
    expect(readFileSync(file, "latin1")).toMatch(/^age-encryption\.org\/v1/);
    const url = await emptyDatabase();
    for (const files of [[], [join(keys, "foreign")]]) {
      const decrypt = await decryptWith(files);
      expect(await archiveRefusal(restoreTo(url, file, { decrypt }))).toMatchObject({ reason: "identity" });
    }
    expect(await archiveRefusal(decryptWith([join(keys, "none")]))).toMatchObject({ reason: "key" });
    expect(await archiveRefusal(encryptTo(["age1nobody"]))).toMatchObject({ reason: "key" });
    const decrypt = await decryptWith([join(keys, "own")]);
    const sealed = readFileSync(file);
    sealed[sealed.length - 1000] = (sealed[sealed.length - 1000] ?? 0) ^ 1;
    const altered = join(keys, "altered");
    writeFileSync(altered, sealed);
    expect(await archiveRefusal(restoreTo(url, altered, { decrypt }))).toMatchObject({ reason: "damaged" });
    expect(await isUntouched(url)).toBe(true);
    expect((await restoreTo(url, file, { decrypt })).rows).toBe(rows);
  });
});

describe("a backup of an older version", () => {
  /** Of what there was from the first version on. */
  const plain = useServers({});

  /** What is there, in a database that was migrated no further than `last`. */
  async function olderDatabase(last: string): Promise<string> {
    const url = await emptyDatabase();
    await withOwnerSession(url, "READ WRITE", async (session) => {
      const older = await beginLoading(session, last);
      await withOwnerSession(plain.databaseUrl, "READ ONLY", async (newer) => {
        for (const table of older.tables) {
          const parts: Buffer[] = [];
          for await (const part of await copyTable(newer, table)) parts.push(part);
          await older.load(table, Buffer.concat(parts));
        }
      });
      const [columns] = await session.run<[string]>(
        "SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_name = 'tenant_logs'",
      );
      expect(columns?.[0]).not.toContain("counts");
      for (const { name } of older.tables) {
        await session.run(`ALTER TABLE holdfast.${name} FORCE ROW LEVEL SECURITY`);
      }
    });
    return url;
  }

  test("is loaded as it is and then brought up to date", async () => {
    const tenant = newTenant(plain.app());
    const { id: sessionId } = await tenant.open();
    const actionId = randomUUID();
    await tenant.append(observation({ sessionId }), action({ id: actionId }), startAction(actionId));
    const end = await expectSoundLog(plain.databaseUrl, tenant.id);
    const older = await olderDatabase("0006-learning");
    const { file, manifest } = await backupOf(older);
    expect(manifest.migrations.at(-1)).toBe("0006-learning");
    const url = await emptyDatabase();
    const { migrated } = await restoreTo(url, file);
    expect(migrated).toEqual(migrationNames.slice(migrationNames.indexOf("0006-learning") + 1));
    expect(migrated.length).toBeGreaterThan(0);
    expect(await expectSoundLog(url, tenant.id)).toBe(end);
    const past = await archiveRefusal(restoreTo(await emptyDatabase("migrated"), file));
    expect(past).toMatchObject({ reason: "version", message: expect.stringContaining("0006-learning") });
  });

  test("that is newer than this one is refused, naming what it does not know", async () => {
    const { file } = await backupOf(source.databaseUrl);
    await rewrite(file, (name, content) =>
      name === "manifest.json" ? content.replace('"migrations": [', '"migrations": ["9999-later",') : content,
    );
    expect(await archiveRefusal(restoreTo(await emptyDatabase(), file))).toMatchObject({
      reason: "version",
      message: expect.stringContaining("9999-later"),
    });
  });
});

describe("a backup that is not what it was", () => {
  const damages: readonly (readonly [string, (file: string) => void | Promise<void>, string, RegExp])[] = [
    ["an empty file", (file) => writeFileSync(file, ""), "truncated", /ends in the middle/],
    ["garbage", (file) => writeFileSync(file, "garbage, and no backup"), "foreign", /not compressed as/],
    [
      "garbage, compressed",
      (file) => writeFileSync(file, gzipSync(Buffer.alloc(5000, 7))),
      "foreign",
      /no tar file/,
    ],
    [
      "half of it",
      (file) => writeFileSync(file, readFileSync(file).subarray(0, statSync(file).size / 2)),
      "truncated",
      /ends in the middle/,
    ],
    [
      "its last bytes missing",
      (file) => writeFileSync(file, readFileSync(file).subarray(0, -8)),
      "truncated",
      /ends in the middle/,
    ],
    [
      "a flipped bit",
      (file) => {
        const bytes = readFileSync(file);
        const at = Math.floor(bytes.length / 2);
        bytes[at] = (bytes[at] ?? 0) ^ 4;
        writeFileSync(file, bytes);
      },
      "damaged",
      /damaged|altered/,
    ],
    [
      "an altered row",
      (file) =>
        rewrite(file, (name, text) => (name.startsWith("goals/") ? text.replace("\t\\", "\t \\") : text)),
      "damaged",
      /^goals\/000001\.copy was altered/,
    ],
    [
      "a row that is none",
      (file) => rewrite(file, (name, text) => (name.startsWith("commits/") ? `x${text}` : text)),
      "damaged",
      /^commits\/000001\.copy was altered: Postgres refuses its rows/,
    ],
    [
      "a table's rows missing",
      (file) => rewrite(file, (name, text) => (name.startsWith("decisions/") ? undefined : text)),
      "damaged",
      /^decisions: expected \d+ rows, got 0/,
    ],
    [
      "its end missing",
      (file) => rewrite(file, (name, text) => (name === "SHA256SUMS" ? undefined : text)),
      "truncated",
      /SHA256SUMS is missing/,
    ],
    [
      "an altered row, with sums made to match",
      async (file) => {
        const { createHash } = await import("node:crypto");
        const sums: string[] = [];
        await rewrite(file, (name, text) => {
          if (name === "SHA256SUMS") return sums.join("");
          const altered = name.startsWith("observations/") ? text.replace(/agent-\d/, "agent-x") : text;
          sums.push(`${createHash("sha256").update(altered).digest("hex")}  ${name}\n`);
          return altered;
        });
      },
      "damaged",
      /^tenant \S+: position \d+: observation \S+ was altered/,
    ],
  ];

  test.each(damages)(
    "is refused for %s, and the target is as it was",
    async (_what, damage, reason, message) => {
      const { file } = await backupOf(source.databaseUrl);
      await damage(file);
      const url = await emptyDatabase();
      const refusal = await archiveRefusal(restoreTo(url, file));
      expect(refusal.message).toMatch(message);
      expect(refusal.reason).toBe(reason);
      expect(await isUntouched(url)).toBe(true);
    },
  );
});

describe("an owner that is no superuser", () => {
  let directory: string;
  let postgres: EmbeddedPostgres;
  beforeAll(async () => {
    const { mkdtemp } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    directory = await mkdtemp(join(tmpdir(), "holdfast-owner-"));
    postgres = await startEmbeddedPostgres({ directory, logger: pino({ level: "silent" }) });
    await execute(
      postgres.url,
      "CREATE ROLE keeper LOGIN CREATEROLE PASSWORD 'keeper'",
      "CREATE DATABASE kept OWNER keeper",
      "CREATE DATABASE restored OWNER keeper",
    );
  });
  afterAll(async () => {
    await postgres?.close();
    await rm(directory, { recursive: true, force: true });
  });

  test("backs up every tenant and restores them", async () => {
    const as = (database: string) => {
      const url = new URL(withDatabase(postgres.url, database));
      url.username = url.password = "keeper";
      return url.href;
    };
    await migrateUp({ url: as("kept") });
    const app = await startServer(as("kept"), { logLevel: "silent" });
    const tenants = [newTenant(app), newTenant(app)];
    for (const tenant of tenants) await keepBusy(tenant, PLAN);
    await app.close();
    const { file, manifest } = await backupOf(as("kept"));
    expect(manifest.tenants.map(({ tenant_id }) => tenant_id).sort()).toEqual(
      tenants.map(({ id }) => id).sort(),
    );
    await restoreTo(as("restored"), file);
    expect(await contents(withDatabase(postgres.url, "restored"))).toEqual(
      await contents(withDatabase(postgres.url, "kept")),
    );
    for (const { id } of tenants) await expectSoundLog(as("restored"), id);
  });
});

describe("the commands", () => {
  beforeAll(buildCli, 120_000);

  test("back up, leave an audit, restore, and say where each log ends", async () => {
    const file = join(await temporaryFolder(), "all.backup");
    const env = { DATABASE_URL: source.databaseUrl };
    const made = await runCli(["backup", file, "--json"], env);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const { tenants, rows } = JSON.parse(made.stdout);
    const audits = await query<{ operation: string; actor: string; metadata: { rows: number } }>(
      source.databaseUrl,
      "SELECT operation, actor, metadata FROM holdfast.security_audits WHERE operation = 'holdfast backup'",
    );
    expect(audits).toContainEqual({
      operation: "holdfast backup",
      actor: expect.stringContaining("operator:"),
      metadata: expect.objectContaining({ rows }),
    });
    const again = await runCommand(["backup", file], env);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("is there already") });
    const url = await emptyDatabase();
    const restored = await runCli(["restore", file], { DATABASE_URL: url });
    expect(restored.code).toBe(0);
    for (const { tenant_id, position, hash } of tenants) {
      expect(restored.stdout).toContain(
        `tenant ${tenant_id}  intact  last position ${position}  hash ${hash}\n`,
      );
    }
    expect(restored.stdout).toMatch(
      new RegExp(`Restored and verified ${rows} rows of ${tenants.length} tenants`),
    );
    const verified = await runCommand(["verify"], { DATABASE_URL: url });
    expect(verified).toMatchObject({ code: 0, stdout: expect.not.stringContaining("DIFFERS") });
    const twice = await runCommand(["restore", file], { DATABASE_URL: url });
    expect(twice).toMatchObject({ code: 1, stderr: expect.stringMatching(/^the target is not empty/) });
  });

  test("killed or stopped in the middle of a restore leave the target empty, and restoring again is whole", async () => {
    const tenant = newTenant(source.app());
    for (let i = 0; i < 20; i += 1) {
      await tenant.append(...Array.from({ length: 500 }, () => observation({ content: "x".repeat(200) })));
    }
    const { file, rows } = await backupOf(source.databaseUrl);
    const url = await emptyDatabase();
    let kills = 0;
    for (const [signal, delayMs] of [
      ["SIGKILL", 50],
      ["SIGTERM", 150],
      ["SIGKILL", 300],
    ] as const) {
      const cli = new CliProcess(["restore", file], { DATABASE_URL: url });
      // Once it is loading: its transaction holds the tables it has made.
      await untilRestoring(url);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      cli.kill(signal);
      // Asked to stop it says so; nobody asks SIGKILL.
      if (signal === "SIGTERM") expect([await cli.exited, cli.stderr]).toEqual([1, "Interrupted.\n"]);
      else if ((await cli.exited) === "SIGKILL") kills += 1;
      await untilGone(url);
      expect(await isUntouched(url)).toBe(true);
    }
    expect(kills).toBe(2);
    expect((await restoreTo(url, file)).rows).toBe(rows);
  }, 180_000);
});

async function untilRestoring(url: string): Promise<void> {
  while ((await archiveConnections(url, "AND backend_xid IS NOT NULL")) === 0);
}

async function untilGone(url: string): Promise<void> {
  while ((await archiveConnections(url)) > 0);
}

async function archiveConnections(url: string, condition = ""): Promise<number> {
  const rows = await query(
    url,
    `SELECT FROM pg_stat_activity WHERE application_name = 'holdfast archive' AND datname = current_database() ${condition}`,
  );
  return rows.length;
}

/** Writes a backup again with other members; undefined leaves one out. */
async function rewrite(
  file: string,
  change: (name: string, text: string) => string | undefined,
): Promise<void> {
  const parts: Buffer[] = [];
  for await (const { name, content } of tarMembers(once(gunzipSync(readFileSync(file))))) {
    const text = change(name, content.toString("latin1"));
    if (text !== undefined) parts.push(...tarMember(name, Buffer.from(text, "latin1"), new Date()));
  }
  writeFileSync(file, gzipSync(Buffer.concat([...parts, TAR_END])));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
