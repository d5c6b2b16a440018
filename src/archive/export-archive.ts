import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { textFromMicros } from "../core/time.js";
import type { Codecs } from "../entities/codecs.js";
import type { ArchiveScope } from "../store/archive/archive-scope.js";
import { type LogReader, withLogReader } from "../store/archive/read-log.js";
import { ArchiveError, fromFileSystem } from "./archive-error.js";
import { type FileEncoding, writeArchiveFile } from "./archive-file.js";
import { type ExportFile, exportFiles } from "./export-files.js";
import {
  type ArchivedFile,
  EXPORT_FORMAT,
  EXPORT_MANIFEST,
  EXPORT_VERSION,
  type ExportManifest,
  storedName,
} from "./export-manifest.js";
import type { OnProgress } from "./progress.js";
import { withoutSecrets } from "./without-secrets.js";

/** Text gathered before it is handed on, in characters. */
const CHUNK_LENGTH = 64 * 1024;
/** Lines between two reports of progress. */
const PROGRESS_LINES = 1000;

export interface ExportOptions extends FileEncoding {
  readonly url: string;
  /** Made if it is not there. */
  readonly folder: string;
  readonly scope: ArchiveScope;
  readonly codecs: Codecs;
  /** The version of this program. */
  readonly version: string;
  /** Whether secrets may be in it; without, it ends at the first. Default true. */
  readonly mayHoldSecrets?: boolean;
  readonly onProgress?: OnProgress | undefined;
  /** Ends it, with nothing done. */
  readonly signal?: AbortSignal | undefined;
}

export interface ExportReport {
  readonly manifest: ExportManifest;
  readonly lines: number;
  /** Of the files as they are stored. */
  readonly bytes: number;
}

/**
 * Writes a tenant's log, or what of it belongs to a session or an agent, as
 * JSON Lines, as of one position. The manifest comes last: a folder without one
 * is an export that did not finish. docs/EXPORT-FORMAT.md describes the files.
 *
 * @throws ArchiveError nothing, secret
 */
export function exportArchive(options: ExportOptions): Promise<ExportReport> {
  const { url, folder, scope, codecs, compress, encrypt, onStored } = options;
  const kept = { compressed: compress, encrypted: encrypt !== undefined };
  const isWhole = scope.sessionId === undefined && scope.agentId === undefined;
  return withLogReader(
    url,
    codecs,
    scope,
    async (reader) => {
      const log = options.mayHoldSecrets === false ? withoutSecrets(reader) : reader;
      const head = await log.head();
      const files: ArchivedFile[] = [];
      let lines = 0;
      let bytes = 0;
      await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
        throw fromFileSystem(error);
      });
      for (const file of head.position === 0n ? [] : exportFiles(codecs, isWhole)) {
        const text = new FileText(file, log, (count) =>
          options.onProgress?.({ what: file.name, rows: lines + count }),
        );
        if (await text.isEmpty()) continue;
        bytes += await writeArchiveFile(join(folder, storedName(file.name, kept)), text.chunks(), options);
        const archived = text.archived();
        lines += archived.lines;
        files.push(archived);
      }
      if (lines === 0) throw new ArchiveError("nothing", `there is nothing to export of ${described(scope)}`);
      const manifest: ExportManifest = {
        format: EXPORT_FORMAT,
        version: EXPORT_VERSION,
        holdfast: options.version,
        created: new Date().toISOString(),
        scope: {
          tenant_id: scope.tenantId,
          ...(scope.sessionId !== undefined && { session_id: scope.sessionId }),
          ...(scope.agentId !== undefined && { agent_id: scope.agentId }),
        },
        log: {
          log_id: head.logId,
          position: String(head.position),
          hash: Buffer.from(head.hash).toString("hex"),
          commit_time: textFromMicros(head.commitMicros ?? 0n),
        },
        ...kept,
        files,
      };
      const name = storedName(EXPORT_MANIFEST, { ...kept, compressed: false });
      const content = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
      bytes += await writeArchiveFile(join(folder, name), once(content), {
        compress: false,
        encrypt,
        onStored,
      });
      return { manifest, lines, bytes };
    },
    options.signal,
  );
}

/** What the lines of one file come to, without keeping them. */
export async function archivedFile(file: ExportFile, log: LogReader): Promise<ArchivedFile> {
  const text = new FileText(file, log, () => {});
  for await (const _ of text.chunks());
  return text.archived();
}

/** The lines of a file in chunks, counted and hashed as they pass. */
class FileText {
  readonly #file: ExportFile;
  readonly #lines: AsyncGenerator<string, void>;
  readonly #onProgress: (lines: number) => void;
  readonly #hash = createHash("sha256");
  #first: IteratorResult<string, void> | undefined;
  #count = 0;
  #bytes = 0;

  constructor(file: ExportFile, log: LogReader, onProgress: (lines: number) => void) {
    this.#file = file;
    this.#lines = file.lines(log);
    this.#onProgress = onProgress;
  }

  async isEmpty(): Promise<boolean> {
    this.#first ??= await this.#lines.next();
    return this.#first.done === true;
  }

  async *chunks(): AsyncGenerator<Buffer, void> {
    let text = "";
    for (let next = this.#first ?? (await this.#lines.next()); !next.done; next = await this.#lines.next()) {
      text += next.value;
      this.#count += 1;
      if (this.#count % PROGRESS_LINES === 0) this.#onProgress(this.#count);
      if (text.length < CHUNK_LENGTH) continue;
      yield this.#counted(text);
      text = "";
    }
    if (text !== "") yield this.#counted(text);
  }

  archived(): ArchivedFile {
    const { name, holds, entity } = this.#file;
    return {
      name,
      holds,
      ...(entity !== undefined && { entity }),
      lines: this.#count,
      bytes: this.#bytes,
      sha256: this.#hash.digest("hex"),
    };
  }

  #counted(text: string): Buffer {
    const chunk = Buffer.from(text, "utf8");
    this.#hash.update(chunk);
    this.#bytes += chunk.byteLength;
    return chunk;
  }
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield content;
}

function described({ tenantId, sessionId, agentId }: ArchiveScope): string {
  if (sessionId !== undefined) return `session ${sessionId} of tenant ${tenantId}`;
  if (agentId !== undefined) return `agent ${JSON.stringify(agentId)} of tenant ${tenantId}`;
  return `tenant ${tenantId}`;
}
