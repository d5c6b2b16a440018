import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SecurityLevel } from "../../gen/holdfast/v1/security_audit_pb.js";
import { HoldfastError } from "../core/errors.js";
import { uuidV7 } from "../core/uuid.js";
import {
  aloneInTenant,
  findInterruptedImport,
  type ImportStatus,
  type StoredImport,
  saveImport,
} from "../store/imports.js";
import { readLogHead } from "../store/log-head.js";
import { ownFolder } from "../transfers/owned-folder.js";
import { archiveOriginals } from "./archive-originals.js";
import { makeBackup, sha256Of } from "./backup.js";
import { type Discovery, discover } from "./discover.js";
import { dryRun } from "./dry-run.js";
import type { ImportContext } from "./import-context.js";
import { uncountedDisk } from "./import-disk.js";
import { ImportError } from "./import-error.js";
import type { ImportReport } from "./import-report.js";
import { type ImportedSources, type ImportProgress, importSources } from "./import-sources.js";
import { makeReport } from "./make-report.js";
import { Quarantine } from "./quarantine.js";
import { sourceIds } from "./source-ids.js";

export interface ImportOptions {
  /** A folder, a file or a database. */
  readonly path: string;
  /** Where backups go, each in a folder of its own. */
  readonly backups: string;
  /** age recipients; none leaves backups readable. */
  readonly encryptTo: readonly string[];
  readonly dryRun: boolean;
  /** Renames originals to `.backup` once everything is verified. */
  readonly archive: boolean;
  readonly acceptDifferences: boolean;
  /** What a quarantine file names, in place of what lies at the path. */
  readonly discovered?: Discovery;
  readonly onProgress?: (progress: ImportProgress | { readonly phase: "waiting" }) => void;
}

/** Another importer of the tenant is asked after this often. */
const WAIT_MS = 200;

/**
 * Imports what an older agent left, or goes on with what an interrupted import
 * began: the same sources again. Nothing is added twice, and no original is
 * changed before everything was read back from Postgres and compared.
 *
 * @throws ImportError if there is nothing to import
 */
export async function importFolder(context: ImportContext, options: ImportOptions): Promise<ImportReport> {
  const discovery = options.discovered ?? (await discover(resolve(options.path)));
  if (discovery.sources.length === 0) {
    throw new ImportError(`There is nothing of the older agent in ${options.path}`);
  }
  if (options.dryRun) return dryRun(context, discovery);
  const wait = async () => {
    options.onProgress?.({ phase: "waiting" });
    await delay(WAIT_MS);
  };
  return aloneInTenant(context.database, context.tenantId, wait, () =>
    importAlone(context, options, discovery),
  );
}

async function importAlone(
  context: ImportContext,
  options: ImportOptions,
  discovery: Discovery,
): Promise<ImportReport> {
  const sourcesHash = await hashOf(discovery);
  const begun = { ...(await beginning(context, sourcesHash)), sourcesHash };
  const directory = join(resolve(options.backups), begun.id);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // A server removes copies that were kept long enough and those of imports that were cut off, but of none under way.
  const owner = await ownFolder(directory);
  try {
    const report = await importInto(directory, begun, context, options, discovery);
    await owner.release();
    return report;
  } catch (error) {
    owner.abandon();
    throw error;
  }
}

async function importInto(
  directory: string,
  { id, startPosition, sourcesHash }: Pick<StoredImport, "id" | "startPosition" | "sourcesHash">,
  context: ImportContext,
  options: ImportOptions,
  discovery: Discovery,
): Promise<ImportReport> {
  const started = performance.now();
  const { database, tenantId, disk = uncountedDisk() } = context;
  const save = (status: ImportStatus, report: ImportReport) =>
    saveImport(database, tenantId, {
      id,
      status,
      sourcesHash,
      startPosition,
      report: JSON.stringify(report),
    });
  const backup = await makeBackup(discovery, directory, options.encryptTo, disk);
  const quarantine = await Quarantine.open(join(directory, "quarantine.jsonl"), disk.onStored);
  const base = {
    id,
    tenantId,
    discovery,
    backup,
    quarantine,
    startPosition,
    encrypted: options.encryptTo.length > 0,
  };
  await save("RUNNING", makeReport({ ...base, status: "running", seconds: 0, endPosition: startPosition }));

  const idOf = await sourceIds(database, tenantId);
  const imported = await importSources({
    context,
    importId: id,
    idOf,
    sources: backup.sources,
    quarantine,
    onProgress: options.onProgress ?? (() => {}),
  });
  const isEqual = imported.verification.differing === 0 && imported.verification.missing === 0;
  const isAccepted = isEqual || options.acceptDifferences;
  const archived = options.archive && isAccepted ? await archiveOriginals(backup.sources) : [];
  await audit(context, id, discovery, imported, isAccepted);
  const head = await database.read(tenantId, (run) => readLogHead(run, tenantId));
  const report = makeReport({
    ...base,
    status: isAccepted ? "completed" : "differences found",
    imported,
    archived,
    seconds: (performance.now() - started) / 1000,
    endPosition: head.position,
  });
  await save(isAccepted ? "COMPLETED" : "DIFFERENT", report);
  return report;
}

/** A new import, or the one that began with these very sources and never ended. */
async function beginning(
  { database, tenantId }: ImportContext,
  sourcesHash: Buffer,
): Promise<Pick<StoredImport, "id" | "startPosition">> {
  return database.read(tenantId, async (run) => {
    const [interrupted, head] = await Promise.all([
      findInterruptedImport(run, tenantId, sourcesHash),
      readLogHead(run, tenantId),
    ]);
    return interrupted ?? { id: uuidV7(), startPosition: head.position };
  });
}

async function hashOf({ sources }: Discovery): Promise<Buffer> {
  const hash = createHash("sha256");
  for (const { file, path, companions } of sources) {
    hash.update(`${file}\0${await sha256Of(path)}\0`);
    for (const companion of companions) {
      if (companion.endsWith("-wal")) hash.update(await sha256Of(companion).catch(() => ""));
    }
  }
  return hash.digest();
}

async function audit(
  { appender, preparer, tenantId, actor }: ImportContext,
  id: string,
  { root }: Discovery,
  { tally }: ImportedSources,
  isAccepted: boolean,
): Promise<void> {
  const entry = preparer.audit({
    operation: "import",
    actor,
    target: id,
    valid: isAccepted,
    level: SecurityLevel.MEDIUM,
    message: `imported ${tally.added + tally.revised} records from ${root}`.replaceAll("\0", ""),
  });
  const [outcome] = await appender.append(tenantId, [entry]);
  if (outcome instanceof HoldfastError) throw outcome;
}
