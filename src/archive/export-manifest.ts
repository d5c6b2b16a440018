import { ArchiveError } from "./archive-error.js";
import type { FileContent } from "./export-files.js";

export const EXPORT_FORMAT = "holdfast-export";
export const EXPORT_VERSION = 1;
export const EXPORT_MANIFEST = "manifest.json";

/** What an export says of itself. */
export interface ExportManifest {
  readonly format: typeof EXPORT_FORMAT;
  readonly version: number;
  readonly holdfast: string;
  readonly created: string;
  readonly scope: {
    readonly tenant_id: string;
    readonly session_id?: string;
    readonly agent_id?: string;
  };
  /** Where the log ended: everything is as of there. */
  readonly log: {
    readonly log_id: string;
    readonly position: string;
    readonly hash: string;
    readonly commit_time: string;
  };
  readonly compressed: boolean;
  readonly encrypted: boolean;
  readonly files: readonly ArchivedFile[];
}

/** A file's lines, uncompressed and unencrypted: the same lines have the same hash however they are kept. */
export interface ArchivedFile {
  readonly name: string;
  readonly holds: FileContent;
  readonly entity?: string;
  readonly lines: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** The name under which a file of an export stands in its folder. */
export function storedName(
  name: string,
  { compressed, encrypted }: { compressed: boolean; encrypted: boolean },
): string {
  return `${name}${compressed ? ".gz" : ""}${encrypted ? ".age" : ""}`;
}

/** @throws ArchiveError foreign or version */
export function parseExportManifest(text: string, where: string): ExportManifest {
  let manifest: Partial<ExportManifest> | undefined;
  try {
    manifest = JSON.parse(text) as Partial<ExportManifest>;
  } catch (error) {
    throw new ArchiveError("damaged", `${where} is not JSON: ${(error as Error).message}`, error);
  }
  if (manifest?.format !== EXPORT_FORMAT) {
    throw new ArchiveError("foreign", `${where}: expected the manifest of an export made by holdfast export`);
  }
  if (manifest.version !== EXPORT_VERSION) {
    throw new ArchiveError(
      "version",
      `${where}: expected an export of format version ${EXPORT_VERSION}, got ${manifest.version}; it was made by Holdfast ${manifest.holdfast}`,
    );
  }
  if (!manifest.log || !manifest.scope || !Array.isArray(manifest.files)) {
    throw new ArchiveError("damaged", `${where} lacks scope, log or files`);
  }
  return manifest as ExportManifest;
}
