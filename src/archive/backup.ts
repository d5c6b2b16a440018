import { createHash } from "node:crypto";
import { copyTable, readServerVersion, readTenantEnds } from "../store/archive/read-database.js";
import { type FoundTable, readAppliedMigrations, readTableLayouts } from "../store/archive/table-layouts.js";
import { type OwnerSession, withOwnerSession } from "../store/owner-session.js";
import { ArchiveError } from "./archive-error.js";
import { writeArchiveFile } from "./archive-file.js";
import { archivedEnd } from "./archived-end.js";
import {
  BACKUP_FORMAT,
  BACKUP_VERSION,
  type BackupManifest,
  MANIFEST_NAME,
  SUMS_NAME,
  TOTALS_NAME,
} from "./backup-manifest.js";
import type { Encrypt } from "./encryption.js";
import type { OnProgress } from "./progress.js";
import { TAR_END, tarMember } from "./tar-writer.js";

/** Bytes of rows in one member: restored in one go, and all that is held in memory. */
const MEMBER_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface BackupOptions {
  readonly url: string;
  readonly file: string;
  /** The version of this program. */
  readonly version: string;
  readonly encrypt?: Encrypt | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Ends it, with nothing done. */
  readonly signal?: AbortSignal | undefined;
}

export interface BackupReport {
  readonly manifest: BackupManifest;
  readonly rows: number;
  /** Of the file. */
  readonly bytes: number;
}

/**
 * Writes every row of the database, as of one moment, into one file. Memory
 * stays bounded, and writers are not kept waiting.
 *
 * @throws ArchiveError nothing, if the database has no schema
 */
export async function backUp({
  url,
  file,
  version,
  encrypt,
  onProgress,
  signal,
}: BackupOptions): Promise<BackupReport> {
  return withOwnerSession(
    url,
    "READ ONLY",
    async (session) => {
      const tables = await readTableLayouts(session.run);
      if (tables.length === 0)
        throw new ArchiveError("nothing", "there is nothing in this database: it has no schema");
      const manifest: BackupManifest = {
        format: BACKUP_FORMAT,
        version: BACKUP_VERSION,
        holdfast: version,
        created: new Date().toISOString(),
        postgres: await readServerVersion(session),
        migrations: await readAppliedMigrations(session.run),
        tenants: (await readTenantEnds(session)).map(archivedEnd),
        tables: tables.map(({ name, columns }) => ({ name, columns })),
      };
      const contents = new BackupContents(manifest, onProgress);
      const bytes = await writeArchiveFile(file, contents.write(session, tables), {
        compress: true,
        encrypt,
      });
      return { manifest, rows: contents.rows, bytes };
    },
    signal,
  );
}

class BackupContents {
  readonly #manifest: BackupManifest;
  readonly #onProgress: OnProgress | undefined;
  readonly #modified: Date;
  #sums = "";
  rows = 0;

  constructor(manifest: BackupManifest, onProgress: OnProgress | undefined) {
    this.#manifest = manifest;
    this.#onProgress = onProgress;
    this.#modified = new Date(manifest.created);
  }

  async *write(session: OwnerSession, tables: readonly FoundTable[]): AsyncGenerator<Uint8Array, void> {
    yield* this.#member(MANIFEST_NAME, Buffer.from(`${JSON.stringify(this.#manifest, undefined, 1)}\n`));
    const totals: Record<string, { rows: number; members: number }> = {};
    for (const table of tables) {
      const before = this.rows;
      let members = 0;
      for await (const part of wholeRows(await copyTable(session, table))) {
        members += 1;
        yield* this.#member(`${table.name}/${String(members).padStart(6, "0")}.copy`, part.bytes);
        this.rows += part.rows;
        this.#onProgress?.({ what: table.name, rows: this.rows });
      }
      totals[table.name] = { rows: this.rows - before, members };
    }
    yield* this.#member(TOTALS_NAME, Buffer.from(`${JSON.stringify(totals, undefined, 1)}\n`));
    yield* this.#member(SUMS_NAME, Buffer.from(this.#sums));
    yield TAR_END;
  }

  #member(name: string, content: Uint8Array): Buffer[] {
    this.#sums += `${createHash("sha256").update(content).digest("hex")}  ${name}\n`;
    return tarMember(name, content, this.#modified);
  }
}

/** The bytes of a COPY in pieces that end where a row does; within a row a line break is escaped. */
async function* wholeRows(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<{ readonly bytes: Buffer; readonly rows: number }, void> {
  let held: Buffer[] = [];
  let byteLength = 0;
  const take = (last: Buffer) => {
    const bytes = Buffer.concat([...held, last]);
    held = [];
    byteLength = 0;
    return { bytes, rows: countRows(bytes) };
  };
  for await (const chunk of chunks) {
    const end = byteLength + chunk.byteLength >= MEMBER_BYTES ? chunk.lastIndexOf(NEWLINE) + 1 : 0;
    if (end > 0) yield take(chunk.subarray(0, end));
    const rest = chunk.subarray(end);
    held.push(rest);
    byteLength += rest.byteLength;
  }
  if (byteLength > 0) yield take(Buffer.alloc(0));
}

function countRows(bytes: Buffer): number {
  let rows = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) rows += 1;
  return rows;
}
