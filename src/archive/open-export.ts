import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ArchiveError } from "./archive-error.js";
import { readArchiveFile } from "./archive-file.js";
import { type ArchiveLine, parseArchiveLine } from "./archive-line.js";
import type { Decrypt } from "./encryption.js";
import {
  type ArchivedFile,
  EXPORT_MANIFEST,
  type ExportManifest,
  parseExportManifest,
  storedName,
} from "./export-manifest.js";
import { textLines } from "./text-lines.js";

const FILE_NAME = /^[a-z_]+\.jsonl$/;

/** An export, as it lies in its folder. */
export interface OpenedExport {
  readonly manifest: ExportManifest;
  /**
   * The lines of one of its files. Read to the end, the file as a whole is
   * checked as well.
   *
   * @throws ArchiveError
   */
  lines(file: ArchivedFile): AsyncGenerator<ArchiveLine, void>;
}

/** Whether the folder holds what `holdfast export` writes, whatever else is in it. */
export function isExport(folder: string): boolean {
  return manifestFile(folder) !== undefined;
}

/** @throws ArchiveError foreign, version, damaged, identity */
export async function openExport(folder: string, decrypt: Decrypt): Promise<OpenedExport> {
  const path = manifestFile(folder);
  if (path === undefined) {
    throw new ArchiveError(
      "foreign",
      `${folder} has no ${EXPORT_MANIFEST}: it is no export, or one that did not finish`,
    );
  }
  const parts: Uint8Array[] = [];
  for await (const part of readArchiveFile(path, { isCompressed: false, decrypt })) parts.push(part);
  const manifest = parseExportManifest(Buffer.concat(parts).toString("utf8"), path);
  for (const { name } of manifest.files) {
    // A name from a file must not lead anywhere else.
    if (!FILE_NAME.test(name))
      throw new ArchiveError("damaged", `${path} names the file ${JSON.stringify(name)}`);
    const stored = join(folder, storedName(name, manifest));
    if (!existsSync(stored)) throw new ArchiveError("truncated", `${stored} is missing`);
  }
  return { manifest, lines: (file) => fileLines(folder, manifest, file, decrypt) };
}

async function* fileLines(
  folder: string,
  manifest: ExportManifest,
  file: ArchivedFile,
  decrypt: Decrypt,
): AsyncGenerator<ArchiveLine, void> {
  const { name } = file;
  const hash = createHash("sha256");
  const content = readArchiveFile(join(folder, storedName(name, manifest)), {
    isCompressed: manifest.compressed,
    decrypt,
  });
  let count = 0;
  for await (const text of textLines(hashed(content, hash), name)) {
    count += 1;
    yield parseArchiveLine(text, `${name} line ${count}`);
  }
  if (count < file.lines) {
    throw new ArchiveError("truncated", `${name} ends after line ${count}: expected ${file.lines} lines`);
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== file.sha256 || count !== file.lines) {
    throw new ArchiveError(
      "damaged",
      `${name} was altered: expected SHA-256 ${file.sha256} of ${file.lines} lines, got ${sha256} of ${count}; ` +
        "each line is whole by itself, so lines were added, removed, moved or replaced",
    );
  }
}

async function* hashed(
  chunks: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

function manifestFile(folder: string): string | undefined {
  const names = [false, true].map((encrypted) =>
    storedName(EXPORT_MANIFEST, { compressed: false, encrypted }),
  );
  return names.map((name) => join(folder, name)).find((path) => existsSync(path));
}
