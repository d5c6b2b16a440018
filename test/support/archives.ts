import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ArchiveError } from "../../src/archive/archive-error.js";
import { decryptWith } from "../../src/archive/encryption.js";
import { type ExportOptions, exportArchive } from "../../src/archive/export-archive.js";
import { type ImportOptions, importArchive } from "../../src/archive/import-archive.js";
import { readConfig } from "../../src/config.js";
import { createCodecs } from "../../src/entities/codecs.js";
import { entities } from "../../src/entities/registry.js";

export const codecs = createCodecs(entities);

/** A folder of the test's own, removed with it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-archive-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Exports into a folder of the test's own. */
export async function exportTo(
  url: string,
  scope: ExportOptions["scope"],
  more: Partial<ExportOptions> = {},
) {
  const folder = join(await temporaryFolder(), "export");
  const options = { url, folder, scope, codecs, version: "0.0.0", compress: false, ...more };
  return { folder, ...(await exportArchive(options)) };
}

export async function importFrom(url: string, folder: string, more: Partial<ImportOptions> = {}) {
  const common = {
    url,
    folder,
    decrypt: await decryptWith([]),
    actor: "test",
    codecs,
    settings: readConfig({}),
  };
  return (await importArchive({ ...common, ...more })).report;
}

/** What is refused, and why. */
export async function archiveRefusal(act: Promise<unknown>): Promise<{ reason: string; message: string }> {
  const error = await act.then(
    () => new Error("it was not refused"),
    (thrown: unknown) => thrown as ArchiveError,
  );
  const { name, message } = error;
  return { reason: name === "ArchiveError" ? (error as ArchiveError).reason : name, message };
}
