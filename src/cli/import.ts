import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { isExport } from "../archive/open-export.js";
import { type Config, readConfig } from "../config.js";
import { isUuid } from "../core/uuid.js";
import { quarantineDiscovery } from "../legacy/from-quarantine.js";
import type { ImportContext } from "../legacy/import-context.js";
import { importFolder } from "../legacy/import-folder.js";
import type { ImportReport } from "../legacy/import-report.js";
import { findImport, rollback } from "../legacy/rollback.js";
import { DEFAULT_TENANT_ID } from "../rpc/tenant-metadata.js";
import { readImports } from "../store/imports.js";
import { identity as identityOption, json as jsonOption } from "./archive-options.js";
import { defineCommand } from "./command.js";
import { CommandError } from "./command-error.js";
import { createLogger } from "./create-logger.js";
import { formatImport } from "./format-import.js";
import { importExport } from "./import-export.js";
import { importProgress } from "./import-progress.js";
import { openImporter } from "./open-importer.js";
import type { OutputStream } from "./output.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { withDatabase } from "./with-database.js";

/** `holdfast import` */
export const importCommand = defineCommand({
  usage: "PATH | --from-quarantine FILE | list | show ID | rollback ID [options]",
  about: `  PATH         a folder with the older agent's files, one of them, or its database;
               or the folder of an export
  list         every import of the tenant
  show ID      its report
  rollback ID  removes exactly what it added, and gives archived originals their names again

Sources are copied first, with a manifest of their SHA-256, and imported from the
copies; then everything is read back from Postgres and compared with them, leaf by
leaf. Anything but equality fails. The same again, also after a kill, adds nothing
twice. What cannot be imported goes into a file that can be mended and fed back.

The export of a whole tenant is written where that tenant has no log yet, as the
log it was: the same positions, times, revisions and final hash; one transaction
that commits after it was verified. The export of a session or an agent goes to
the end of the tenant's log as new changes, with the same ids and content hashes.
Either twice adds nothing. A file that was altered or cut short is named with its
line, and nothing of it is taken in.

Works on DATABASE_URL if that is set, else on the embedded Postgres of the data
directory, whether or not a server runs there.`,
  options: {
    "dry-run": { type: "boolean", about: "say what would be imported, and write nothing" },
    archive: { type: "boolean", about: "rename originals to .backup once everything is verified" },
    "encrypt-to": {
      type: "string",
      multiple: true,
      placeholder: "AGE",
      about: "keep only copies encrypted to this age recipient",
    },
    "from-quarantine": { type: "string", placeholder: "FILE", about: "import what was mended there" },
    "accept-differences": { type: "boolean", about: "count an import with differences as done" },
    report: { type: "string", placeholder: "FILE", about: "write the report as JSON; - for standard output" },
    force: { type: "boolean", about: "roll back what was changed since as well" },
    tenant: {
      type: "string",
      placeholder: "UUID",
      about: "whose log",
      source: `default ${DEFAULT_TENANT_ID}; of an export the one it comes from`,
    },
    identity: { ...identityOption, about: `of an export: ${identityOption.about}` },
    json: { ...jsonOption, about: `of an export: ${jsonOption.about}` },
    ...settingOptions(["importsDirectory", "databaseUrl", "dataDirectory", "logLevel"]),
  },
  maxWords: 2,
  async run({ options, words: [word, id], env, stdout, stderr }) {
    const {
      tenant: givenTenant,
      "dry-run": isDry = false,
      archive = false,
      "encrypt-to": encryptTo = [],
      "from-quarantine": quarantine,
      "accept-differences": acceptDifferences = false,
      report,
      force = false,
      identity = [],
      json = false,
      ...rest
    } = options;
    const tenant = givenTenant ?? DEFAULT_TENANT_ID;
    if (!isUuid(tenant)) throw new CommandError("--tenant: expected a UUID", 2);
    const config = readConfig(env, {}, settingTexts(rest));
    const within = <T>(use: (context: ImportContext) => Promise<T>) =>
      inTenant(config, tenant.toLowerCase(), use);
    if (word === "list" || word === "show" || word === "rollback") {
      if ((word === "list") === (id !== undefined))
        throw new CommandError(`Expected: holdfast import ${word}${word === "list" ? "" : " ID"}`, 2);
      return within((context) => ACTIONS[word](context, id ?? "", { force, report, stdout }));
    }
    if (id !== undefined || (word === undefined) === (quarantine === undefined)) {
      throw new CommandError("Expected one PATH, or --from-quarantine FILE. See: holdfast import --help", 2);
    }
    if (word !== undefined && !existsSync(word)) {
      throw new CommandError(`${word}: expected a file or folder to import, found none`);
    }
    if (word !== undefined && isExport(word)) {
      const tenantId = givenTenant?.toLowerCase();
      return importExport(config, { folder: word, tenantId, identities: identity, json }, { stdout, stderr });
    }
    return within(async (context) => {
      const progress = importProgress(stderr);
      const discovered = quarantine === undefined ? undefined : await quarantineDiscovery(quarantine);
      const result = await importFolder(context, {
        path: word ?? "",
        backups: config.importsDirectory,
        encryptTo,
        dryRun: isDry,
        archive: archive && discovered === undefined,
        acceptDifferences,
        onProgress: progress.tell,
        ...(discovered && { discovered: discovered.discovery }),
      }).finally(async () => {
        progress.end();
        await discovered?.close();
      });
      await show(result, report, stdout);
      return result.migration_summary.status === "differences found" ? 1 : 0;
    });
  },
});

interface ActionOptions {
  readonly force: boolean;
  readonly report: string | undefined;
  readonly stdout: OutputStream;
}

const ACTIONS = { list, show: showOne, rollback: rollBack };

async function list(
  { database, tenantId }: ImportContext,
  _id: string,
  { stdout }: ActionOptions,
): Promise<number> {
  const imports = await database.read(tenantId, (run) => readImports(run, tenantId));
  for (const { id, createMicros, report } of imports) {
    const { migration_summary: summary, migration_details: details } = JSON.parse(report) as ImportReport;
    const time = new Date(Number(createMicros / 1000n)).toISOString();
    stdout.write(
      `${id}  ${time}  ${summary.status.padEnd(17)}  ${String(summary.records_migrated).padStart(9)} records  ${details.folder}\n`,
    );
  }
  if (imports.length === 0) stdout.write("Nothing has been imported yet.\n");
  return 0;
}

async function showOne(
  context: ImportContext,
  id: string,
  { report, stdout }: ActionOptions,
): Promise<number> {
  await show(JSON.parse((await findImport(context, id)).report) as ImportReport, report, stdout);
  return 0;
}

async function rollBack(
  context: ImportContext,
  id: string,
  { force, stdout }: ActionOptions,
): Promise<number> {
  const { removed, restored, originals } = await rollback(context, id, force);
  stdout.write(
    `Import ${id} rolled back: removed ${removed}, given back their content ${restored}, originals under their names again ${originals.length}\n`,
  );
  return 0;
}

async function show(report: ImportReport, file: string | undefined, stdout: OutputStream): Promise<void> {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (file === "-") {
    stdout.write(json);
    return;
  }
  if (file !== undefined) await writeFile(file, json);
  stdout.write(formatImport(report));
}

function inTenant<T>(
  config: Config,
  tenantId: string,
  use: (context: ImportContext) => Promise<T>,
): Promise<T> {
  const logger = createLogger(config.logLevel);
  return withDatabase(config, true, (url) => openImporter(config, url, tenantId, logger, use));
}
