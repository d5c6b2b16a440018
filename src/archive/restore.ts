import { createHash } from "node:crypto";
import type { Codecs } from "../entities/codecs.js";
import { beginLoading, type LoadingDatabase, targetMigrations } from "../store/archive/load-database.js";
import { migrationNames } from "../store/migrate.js";
import { type OwnerSession, withOwnerSession } from "../store/owner-session.js";
import { databaseError } from "../store/sqlstate.js";
import { ArchiveError } from "./archive-error.js";
import { readArchiveFile } from "./archive-file.js";
import {
  type BackupManifest,
  MANIFEST_NAME,
  parseBackupManifest,
  SUMS_NAME,
  TOTALS_NAME,
} from "./backup-manifest.js";
import type { Decrypt } from "./encryption.js";
import type { OnProgress } from "./progress.js";
import { type TarMember, tarMembers } from "./tar-reader.js";
import { verifyEnds } from "./verify-ends.js";

export interface RestoreOptions {
  readonly url: string;
  readonly file: string;
  readonly decrypt: Decrypt;
  readonly codecs: Codecs;
  readonly onProgress?: OnProgress | undefined;
  /** Ends it, with nothing done. */
  readonly signal?: AbortSignal | undefined;
}

export interface RestoreReport {
  readonly manifest: BackupManifest;
  readonly rows: number;
  /** Migrations that were applied after loading, because the backup is older. */
  readonly migrated: readonly string[];
}

/**
 * Loads a backup into a database that holds nothing, brings it to this version
 * and verifies every log, all in one transaction: whatever ends it before it is
 * done leaves the database as it was.
 *
 * @throws ArchiveError
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const { url, file, decrypt, codecs, onProgress, signal } = options;
  const members = tarMembers(readArchiveFile(file, { isCompressed: true, decrypt }));
  const first = await members.next();
  if (first.done || first.value.name !== MANIFEST_NAME) {
    throw new ArchiveError(
      "foreign",
      `${file}: expected a backup made by holdfast backup, got something else`,
    );
  }
  const manifest = parseBackupManifest(first.value.content.toString("utf8"));
  requireKnownMigrations(manifest);
  return withOwnerSession(
    url,
    "READ WRITE",
    async (session) => {
      const target = await prepareTarget(session, manifest);
      const contents = new RestoreContents(manifest, target, onProgress);
      await contents.take(first.value);
      for await (const member of members) await contents.take(member);
      const rows = contents.end(file);
      onProgress?.({ what: "schema", rows });
      await target.finish();
      onProgress?.({ what: "verifying", rows });
      await verifyEnds(session, codecs, manifest.tenants);
      const migrated = migrationNames.filter((name) => !manifest.migrations.includes(name));
      return { manifest, rows, migrated };
    },
    signal,
  );
}

/** Loads members in their order and checks them against what the last ones say of them. */
class RestoreContents {
  readonly #manifest: BackupManifest;
  readonly #target: LoadingDatabase;
  readonly #onProgress: OnProgress | undefined;
  readonly #loaded = new Map<string, number>();
  #sums = "";
  #rows = 0;
  #isWhole = false;

  constructor(manifest: BackupManifest, target: LoadingDatabase, onProgress: OnProgress | undefined) {
    this.#manifest = manifest;
    this.#target = target;
    this.#onProgress = onProgress;
  }

  async take({ name, content }: TarMember): Promise<void> {
    if (this.#isWhole) throw new ArchiveError("damaged", `${name} follows the end of the backup`);
    if (name === SUMS_NAME) {
      this.#check(content.toString("utf8"));
      return;
    }
    this.#sums += `${createHash("sha256").update(content).digest("hex")}  ${name}\n`;
    if (name === TOTALS_NAME) this.#checkTotals(content.toString("utf8"));
    else if (name !== MANIFEST_NAME) await this.#load(name, content);
  }

  /** @returns the rows loaded */
  end(file: string): number {
    if (this.#isWhole) return this.#rows;
    throw new ArchiveError("truncated", `${file} ends in the middle: ${SUMS_NAME} is missing`);
  }

  async #load(name: string, content: Buffer): Promise<void> {
    const table = this.#manifest.tables.find((each) => name.startsWith(`${each.name}/`));
    if (!table) throw new ArchiveError("damaged", `${name}: the manifest has no such table`);
    const count = await this.#target.load(table, content).catch((error: unknown) => {
      const refusal = databaseError(error);
      if (!refusal || !/^2[23]/.test(refusal.code)) throw error;
      const text = `${name} was altered: Postgres refuses its rows: ${(error as Error).message}`;
      throw new ArchiveError("damaged", text, error);
    });
    this.#rows += count;
    this.#loaded.set(table.name, (this.#loaded.get(table.name) ?? 0) + count);
    this.#onProgress?.({ what: table.name, rows: this.#rows });
  }

  #checkTotals(text: string): void {
    const totals = JSON.parse(text) as Record<string, { readonly rows: number }>;
    for (const { name } of this.#manifest.tables) {
      const [expected, got] = [totals[name]?.rows ?? 0, this.#loaded.get(name) ?? 0];
      if (got === expected) continue;
      throw new ArchiveError("damaged", `${name}: expected ${expected} rows, got ${got}`);
    }
  }

  #check(sums: string): void {
    this.#isWhole = true;
    if (sums === this.#sums) return;
    const expected = sums.split("\n");
    const line = this.#sums.split("\n").find((each, i) => each !== expected[i]) ?? expected.at(-2) ?? "";
    throw new ArchiveError(
      "damaged",
      `${line.slice(66)} was altered: its SHA-256 is not the one in ${SUMS_NAME}`,
    );
  }
}

/** @throws ArchiveError version, for a backup that this version does not know all of */
function requireKnownMigrations({ migrations, holdfast }: BackupManifest): void {
  const unknown = migrations.filter((name) => !migrationNames.includes(name));
  if (unknown.length === 0) return;
  throw new ArchiveError(
    "version",
    `the backup was made by Holdfast ${holdfast} of a database with ${unknown.join(", ")}, which this version ` +
      `does not know; its last is ${migrationNames.at(-1)}: restore with that version or a later one`,
  );
}

async function prepareTarget(session: OwnerSession, manifest: BackupManifest): Promise<LoadingDatabase> {
  const beyond = (await targetMigrations(session)).filter((name) => !manifest.migrations.includes(name));
  if (beyond.length > 0) {
    throw new ArchiveError(
      "version",
      `the backup's schema ends at ${manifest.migrations.at(-1)}, the target has ${beyond.join(", ")} already: ` +
        "restore into a database that Holdfast has not been started on, and it will be brought up to date afterwards",
    );
  }
  const target = await beginLoading(session, manifest.migrations.at(-1) ?? "");
  if (target.occupied.length > 0) {
    throw new ArchiveError(
      "occupied",
      `the target is not empty: it has rows in ${target.occupied.join(", ")}. A backup is restored into an empty database`,
    );
  }
  for (const { name, columns } of manifest.tables) {
    const there = target.tables.find((table) => table.name === name);
    const missing = columns.filter((column) => !there?.columns.includes(column));
    if (there && missing.length === 0) continue;
    const what = there ? `columns ${missing.join(", ")} of ${name}` : `table ${name}`;
    throw new ArchiveError("version", `the backup has ${what}, which its migrations do not make`);
  }
  return target;
}
