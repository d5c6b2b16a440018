import { mkdir, readFile } from "node:fs/promises";
import pino from "pino";
import type { ImportResponse } from "../../gen/holdfast/v1/admin_pb.js";
import { invalidFields } from "../core/errors.js";
import { jsonPayload } from "../core/json-payload.js";
import { fromDisk } from "../transfers/disk-error.js";
import { ImportError } from "./import-error.js";
import { importFolder } from "./import-folder.js";
import { type ImporterIdentity, type ImporterSettings, withImporter } from "./with-importer.js";

/** Of what could not be imported: an answer is at most 4 MiB, and the report is in it as well. */
const MAX_QUARANTINE_BYTES = 2 * 1024 * 1024;

export interface ReceivedFiles extends ImporterIdentity {
  readonly url: string;
  readonly settings: ImporterSettings;
  /** Where the files lie. */
  readonly root: string;
  /** Where copies are kept, those of each import in a folder of its own. */
  readonly backups: string;
  /** Made for files of which none outlives the import. */
  readonly scratch: string;
  readonly dryRun: boolean;
  readonly acceptDifferences: boolean;
}

/** What a caller is answered, without the type of a message. */
export type ReceivedImport = Pick<
  ImportResponse,
  | "importId"
  | "completed"
  | "recordsMigrated"
  | "recordsQuarantined"
  | "leavesInSource"
  | "leavesFound"
  | "leavesDiffering"
  | "leavesMissing"
  | "quarantine"
> & { readonly report: ReturnType<typeof jsonPayload> };

/**
 * Runs in a process of its own: imports files that a caller sent, for the caller's tenant and in its name.
 *
 * @param tell is told of bytes as they are written
 * @throws INVALID_FIELD where nothing is known; OVERLOADED when the disk is full
 */
export async function importReceived(
  { url, settings, root, backups, scratch, dryRun, acceptDifferences, ...identity }: ReceivedFiles,
  tell: (bytes: number) => void,
): Promise<ReceivedImport> {
  try {
    await mkdir(scratch, { mode: 0o700 });
    const disk = { scratch, onStored: tell };
    const options = { path: root, backups, encryptTo: [], dryRun, archive: false, acceptDifferences };
    const logger = pino({ level: "silent" });
    const report = await withImporter(url, settings, identity, logger, (context) =>
      importFolder({ ...context, disk }, options),
    );
    const { migration_summary: summary, verification, migration_details: details } = report;
    const quarantine = details.quarantine.file ? await readFile(details.quarantine.file) : Buffer.alloc(0);
    return {
      importId: summary.import_id,
      completed: summary.status === "completed",
      recordsMigrated: BigInt(summary.records_migrated),
      recordsQuarantined: BigInt(summary.records_quarantined),
      leavesInSource: BigInt(verification?.leaves_in_source ?? 0),
      leavesFound: BigInt(verification?.leaves_found ?? 0),
      leavesDiffering: BigInt(verification?.differing ?? 0),
      leavesMissing: BigInt(verification?.missing ?? 0),
      report: jsonPayload(report),
      quarantine: Uint8Array.from(quarantine.subarray(0, MAX_QUARANTINE_BYTES)),
    };
  } catch (error) {
    if (!(error instanceof ImportError)) throw fromDisk(error);
    const description = "expected files of the older agent, got none that is known";
    throw invalidFields([{ field: "chunk.name", description }]);
  }
}
