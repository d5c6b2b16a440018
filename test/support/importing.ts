import { randomUUID } from "node:crypto";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { openImporter } from "../../src/cli/open-importer.js";
import { readConfig } from "../../src/config.js";
import type { ImportContext } from "../../src/legacy/import-context.js";
import { type ImportOptions, importFolder } from "../../src/legacy/import-folder.js";
import type { ImportReport } from "../../src/legacy/import-report.js";

/** What an older agent's own classes wrote during 40 goals. */
export const SAMPLE = fileURLToPath(new URL("../../examples/demo/sample/", import.meta.url));

/** A folder that goes with the test; with a copy of the sample in `source` when asked for. */
export async function importFolderAt(
  withSample = false,
): Promise<{ readonly root: string; readonly source: string }> {
  const root = await mkdtemp(join(tmpdir(), "holdfast-import-test-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const source = join(root, "source");
  if (withSample) await cp(SAMPLE, source, { recursive: true });
  return { root, source };
}

/** A tenant of its own that things are imported into. */
export interface ImportTenant {
  readonly id: string;
  within<T>(use: (context: ImportContext) => Promise<T>): Promise<T>;
  run(path: string, options?: Partial<ImportOptions>): Promise<ImportReport>;
}

export function importTenant(
  databaseUrl: string,
  backups: string,
  id: string = randomUUID(),
  env: Readonly<Record<string, string>> = {},
): ImportTenant {
  const within = <T>(use: (context: ImportContext) => Promise<T>) =>
    openImporter(readConfig(env), databaseUrl, id, pino({ level: "silent" }), use);
  return {
    id,
    within,
    run: (path, options = {}) =>
      within((context) =>
        importFolder(context, {
          path,
          backups,
          encryptTo: [],
          dryRun: false,
          archive: false,
          acceptDifferences: false,
          ...options,
        }),
      ),
  };
}
