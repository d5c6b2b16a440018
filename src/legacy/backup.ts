import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, open, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Encrypter } from "age-encryption";
import { type Discovery, MANIFEST, type Source } from "./discover.js";

/** A source as it was copied. */
export interface CopiedSource {
  readonly source: Source;
  /** Where its bytes can be read while the import runs. */
  readonly path: string;
  readonly bytes: number;
  /** Of the source, and of the files beside it that belong to it, in hex. */
  readonly sha256: string;
}

export interface Backup {
  readonly directory: string;
  readonly sources: readonly CopiedSource[];
  /** Removes what is only needed while the import runs. */
  finish(): Promise<void>;
}

/**
 * Copies every source into a folder, with a manifest of their SHA-256; what is
 * imported are these copies, so that an agent that still runs changes nothing
 * under way. With recipients of age only encrypted copies stay.
 */
export async function makeBackup(
  { root, sources }: Discovery,
  directory: string,
  recipients: readonly string[],
): Promise<Backup> {
  const staging = join(directory, recipients.length > 0 ? "plain" : "files");
  await mkdir(staging, { recursive: true, mode: 0o700 });
  const manifest = { folder: root, encrypted: recipients.length > 0, files: [] as object[] };
  const writeManifest = () => writeFile(join(directory, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeManifest();
  const copied: CopiedSource[] = [];
  for (const source of sources) {
    const path = join(staging, source.file);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const files = source.kind ? await copyPlain(source, path) : await copyDatabase(source, path);
    let [sha256, bytes] = ["", 0];
    for (const file of files) {
      const hash = await sha256Of(file);
      bytes += (await stat(file)).size;
      sha256 ||= hash;
      const name = source.file + file.slice(path.length);
      if (recipients.length > 0) await encrypt(file, join(directory, "files", `${name}.age`), recipients);
      manifest.files.push({ file: name, bytes: (await stat(file)).size, sha256: hash });
    }
    copied.push({ source, path, bytes, sha256 });
  }
  await writeManifest();
  return {
    directory,
    sources: copied,
    finish: () => (recipients.length > 0 ? rm(staging, { recursive: true, force: true }) : Promise.resolve()),
  };
}

/** SHA-256 of a file in hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function copyPlain({ path }: Source, to: string): Promise<string[]> {
  await copyFile(path, to);
  return [to];
}

/** How often a copy is tried while a writer moves pages from the log into the file. */
const MAX_COPIES = 50;

// A checkpoint between the two copies would leave pages in neither: then both are taken again.
async function copyDatabase({ path, file }: Source, to: string): Promise<string[]> {
  for (let tries = 0; tries < MAX_COPIES; tries += 1) {
    const before = await state(path);
    if (!before.hasJournal) {
      await copyFile(path, to);
      const hasWal = await copyFile(`${path}-wal`, `${to}-wal`).then(
        () => true,
        () => false,
      );
      if (!hasWal) await rm(`${to}-wal`, { force: true });
      if ((await state(path)).text === before.text) return hasWal ? [to, `${to}-wal`] : [to];
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

async function encrypt(from: string, to: string, recipients: readonly string[]): Promise<void> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const plain = Readable.toWeb(createReadStream(from)) as never;
  const encrypted = Readable.fromWeb((await encrypter.encrypt(plain)) as never);
  await pipeline(encrypted, createWriteStream(to, { mode: 0o600 }));
}
