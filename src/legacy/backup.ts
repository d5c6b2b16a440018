import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type Copies, encryptedCopies, type MadeCopy, plainCopies } from "./copies.js";
import { type Discovery, MANIFEST, type Source } from "./discover.js";
import { uncountedDisk } from "./import-disk.js";
import type { ReadableSource } from "./read-source.js";

/** A source as it was copied. */
export interface CopiedSource extends ReadableSource {
  /** Of the source and what belongs to it. */
  readonly bytes: number;
  /** Of the source, and of the files beside it that belong to it, in hex. */
  readonly sha256: string;
}

export interface Backup {
  readonly directory: string;
  readonly sources: readonly CopiedSource[];
}

/**
 * Copies every source into a folder, with a manifest of their SHA-256; what is
 * imported are these copies, so that an agent that still runs changes nothing
 * under way. With recipients of age only encrypted copies are ever written;
 * a key held in memory lets this process read them too.
 */
export async function makeBackup(
  { root, sources }: Discovery,
  directory: string,
  recipients: readonly string[],
  { scratch, onStored } = uncountedDisk(),
): Promise<Backup> {
  const files = join(directory, "files");
  const copies =
    recipients.length > 0 ? await encryptedCopies(files, recipients, onStored) : plainCopies(files, onStored);
  const manifest = { folder: root, encrypted: recipients.length > 0, files: [] as object[] };
  const writeManifest = () => writeFile(join(directory, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeManifest();
  const copied: CopiedSource[] = [];
  for (const source of sources) {
    const made = source.kind
      ? [await copies.make(source.path, source.file)]
      : await copyDatabase(source, copies);
    manifest.files.push(...made);
    const bytes = made.reduce((sum, each) => sum + each.bytes, 0);
    // A database is copied once more to be read.
    if (!source.kind) onStored(bytes);
    copied.push({
      source,
      scratch,
      // A database that is closed has no log.
      read: async (suffix) =>
        suffix && made.length < 2 ? Readable.from([]) : copies.read(`${source.file}${suffix ?? ""}`),
      bytes,
      sha256: made[0]?.sha256 ?? "",
    });
  }
  await writeManifest();
  return { directory, sources: copied };
}

/** SHA-256 of a file in hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** How often a copy is tried while a writer moves pages from the log into the file. */
const MAX_COPIES = 50;

// A checkpoint between the two copies would leave pages in neither: then both are taken again.
async function copyDatabase({ path, file }: Source, copies: Copies): Promise<readonly MadeCopy[]> {
  for (let tries = 0; tries < MAX_COPIES; tries += 1) {
    const before = await state(path);
    if (!before.hasJournal) {
      const made = [await copies.make(path, file)];
      const wal = await copies.make(`${path}-wal`, `${file}-wal`).catch(ifThere);
      if (!wal) await copies.remove(`${file}-wal`);
      if ((await state(path)).text === before.text) return wal ? [...made, wal] : made;
    }
    await delay(50);
  }
  throw new Error(`${file} changed all the while it was copied: stop the older agent, or try again`);
}

async function state(path: string): Promise<{ readonly text: string; readonly hasJournal: boolean }> {
  const database = await stat(path);
  const journal = await stat(`${path}-journal`).catch(() => undefined);
  return {
    text: `${database.size} ${database.mtimeMs} ${await walHeader(`${path}-wal`)}`,
    hasJournal: (journal?.size ?? 0) > 0,
  };
}

async function walHeader(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) return "";
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(32), 0, 32, 0);
    return buffer.subarray(0, bytesRead).toString("hex");
  } finally {
    await file.close();
  }
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
