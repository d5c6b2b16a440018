import { randomUUID } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { decryptWith, encryptTo } from "../src/archive/encryption.js";
import { tarMembers } from "../src/archive/tar-reader.js";
import { TAR_END, tarMember } from "../src/archive/tar-writer.js";
import { beginLoading } from "../src/store/archive/load-database.js";
import { copyTable } from "../src/store/archive/read-database.js";
import { migrationNames } from "../src/store/migrate.js";
import { withOwnerSession } from "../src/store/owner-session.js";
import { archiveRefusal, temporaryFolder } from "./support/archives.js";
import { backupOf, contents, emptyDatabase, isUntouched, PLAN, restoreTo } from "./support/backups.js";
import { keepBusy } from "./support/busy-tenant.js";
import { dumpSchema } from "./support/dump-schema.js";
import { action, observation, startAction } from "./support/entries.js";
import { startServer } from "./support/start-server.js";
import { newTenant, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const source = useServers({ memoryAccessIntervalMs: 1 });

// Once; a tenant's connection is closed with a test.
let isFilled = false;
beforeEach(async () => {
  if (!isFilled) await keepBusy(newTenant(source.app()), PLAN);
  isFilled = true;
});

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
