import { copyFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { ARCHIVED, exists } from "./archive-originals.js";
import { sha256Of } from "./backup.js";
import { ImportError } from "./import-error.js";
import type { ImportReport } from "./import-report.js";

/** @throws ImportError if something else has the name of an original, or an original is nowhere */
export async function checkOriginals({ migration_details: details }: ImportReport): Promise<void> {
  for (const file of details.archived) {
    const path = join(details.folder, file);
    if (await exists(path))
      throw new ImportError(`${path} exists: move it away, so that the original can have its name`);
    if (!(await sourceOf(details, file))) {
      throw new ImportError(
        `${path}${ARCHIVED} is not there any more, nor a readable copy of it in ${details.backup}`,
      );
    }
  }
}

/** Gives archived originals their own names again, and checks that they are what was imported. */
export async function restoreOriginals({
  migration_details: details,
}: ImportReport): Promise<readonly string[]> {
  for (const file of details.archived) {
    const path = join(details.folder, file);
    const from = await sourceOf(details, file);
    if (from === `${path}${ARCHIVED}`) await rename(from, path);
    else if (from) await copyFile(from, path);
    const expected = details.sources.find((source) => source.file === file)?.sha256;
    if (expected !== undefined && (await sha256Of(path)) !== expected) {
      throw new ImportError(`${path} is not what was imported: its SHA-256 is not ${expected}`);
    }
  }
  return details.archived;
}

/** Where the bytes of an original are: beside where it was, else in the backup. */
async function sourceOf(
  { folder, backup, sources }: ImportReport["migration_details"],
  file: string,
): Promise<string | undefined> {
  const expected = sources.find((source) => source.file === file)?.sha256;
  for (const path of [`${join(folder, file)}${ARCHIVED}`, ...(backup ? [join(backup, "files", file)] : [])]) {
    const hash = await sha256Of(path).catch(() => undefined);
    if (hash !== undefined && (expected === undefined || hash === expected)) return path;
  }
  return undefined;
}
