import type { Codecs } from "../entities/codecs.js";
import { migrateUp } from "../store/migrate.js";
import type { ArchiveSettings } from "./archive-writer.js";
import type { Decrypt } from "./encryption.js";
import type { ExportManifest } from "./export-manifest.js";
import { importChanges } from "./import-changes.js";
import { importLog } from "./import-log.js";
import { noteArchived } from "./note-archived.js";
import { openExport } from "./open-export.js";
import type { OnProgress } from "./progress.js";

export interface ImportOptions {
  readonly url: string;
  readonly folder: string;
  readonly decrypt: Decrypt;
  /** Into whose log, a UUID; the one it comes from if absent. */
  readonly tenantId?: string | undefined;
  /** Who imports. */
  readonly actor: string;
  readonly codecs: Codecs;
  readonly settings: ArchiveSettings;
  readonly onProgress?: OnProgress | undefined;
  /** Ends it: with nothing done of a whole log, and with what was done by then of a part. */
  readonly signal?: AbortSignal | undefined;
}

/** A change that was not taken in. */
export interface Refusal {
  /** File and line. */
  readonly where: string;
  readonly reason: string;
}

export interface ImportReport {
  readonly tenantId: string;
  /** Whether the log itself was taken in, rather than changes added to one. */
  readonly isLog: boolean;
  /** Changes added, and those that were there before. */
  readonly added: number;
  readonly alreadyThere: number;
  /** Changes that are none of their own: rows that something was noted of afterwards, as that they were withdrawn. */
  readonly leftOut: number;
  readonly refusals: readonly Refusal[];
  /** The last one of what was taken in. */
  readonly position: bigint;
  /** Of everything up to there, where the log itself was taken in. */
  readonly hash: string | undefined;
}

/**
 * Takes in what `holdfast export` wrote. A whole tenant becomes the log it was;
 * a session or an agent becomes new changes, of which an audit is left. A whole
 * log is left without one: another entry would be another hash.
 *
 * @throws ArchiveError
 */
export async function importArchive(
  options: ImportOptions,
): Promise<{ readonly manifest: ExportManifest; readonly report: ImportReport }> {
  const { url, folder, decrypt, actor, settings } = options;
  const source = await openExport(folder, decrypt);
  const { manifest } = source;
  const { tenant_id, session_id, agent_id } = manifest.scope;
  const tenantId = options.tenantId ?? tenant_id;
  await migrateUp({ url });
  const isWhole = session_id === undefined && agent_id === undefined;
  const report = await (isWhole ? importLog : importChanges)(source, options, tenantId);
  if (!isWhole && report.added > 0) {
    await noteArchived(url, settings, {
      tenantId,
      actor,
      operation: "holdfast import",
      target: session_id ?? agent_id ?? "",
      message: `imported ${report.added} changes from log ${manifest.log.log_id} as of position ${manifest.log.position}`,
      details: { added: report.added, already_there: report.alreadyThere, refused: report.refusals.length },
    });
  }
  return { manifest, report };
}
