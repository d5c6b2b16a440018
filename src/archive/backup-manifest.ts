import type { TableLayout } from "../store/archive/table-layouts.js";
import { ArchiveError } from "./archive-error.js";
import type { ArchivedEnd } from "./archived-end.js";

export const BACKUP_FORMAT = "holdfast-backup";
export const BACKUP_VERSION = 1;

/** The first member of a backup, and what of it the file is named by. */
export const MANIFEST_NAME = "manifest.json";
/** The last but one: how many rows there were. */
export const TOTALS_NAME = "totals.json";
/** The last one: the SHA-256 of every member before it, as `sha256sum` writes them. */
export const SUMS_NAME = "SHA256SUMS";

/** What a backup says of itself. */
export interface BackupManifest {
  readonly format: typeof BACKUP_FORMAT;
  readonly version: number;
  readonly holdfast: string;
  readonly created: string;
  readonly postgres: string;
  /** Of the database, in order. */
  readonly migrations: readonly string[];
  /** Every tenant that has a log, and where that ends. */
  readonly tenants: readonly ArchivedEnd[];
  readonly tables: readonly TableLayout[];
}

/** @throws ArchiveError foreign or version */
export function parseBackupManifest(text: string): BackupManifest {
  const manifest = parse(text);
  if (manifest?.format !== BACKUP_FORMAT) {
    throw new ArchiveError("foreign", `expected a backup made by holdfast backup, got ${describe(manifest)}`);
  }
  if (manifest.version !== BACKUP_VERSION) {
    throw new ArchiveError(
      "version",
      `expected a backup of format version ${BACKUP_VERSION}, got ${manifest.version}: it was made by Holdfast ${manifest.holdfast}`,
    );
  }
  return manifest as BackupManifest;
}

function parse(text: string): Partial<BackupManifest> | undefined {
  try {
    return JSON.parse(text) as Partial<BackupManifest>;
  } catch {
    return undefined;
  }
}

function describe(manifest: { readonly format?: unknown } | undefined): string {
  return typeof manifest?.format === "string" ? `a ${manifest.format}` : "something else";
}
