import type { Backup } from "./backup.js";
import type { Discovery } from "./discover.js";
import type { ImportReport, TableReport } from "./import-report.js";
import type { ImportedSources } from "./import-sources.js";
import type { Quarantine } from "./quarantine.js";

export interface ReportFacts {
  readonly id: string;
  readonly tenantId: string;
  readonly status: ImportReport["migration_summary"]["status"];
  readonly discovery: Discovery;
  readonly backup?: Backup | undefined;
  readonly encrypted: boolean;
  readonly quarantine: Quarantine;
  readonly imported?: ImportedSources;
  /** Whether what was read back is part of the report. */
  readonly isVerified?: boolean;
  readonly archived?: readonly string[];
  readonly seconds: number;
  readonly startPosition: bigint;
  readonly endPosition: bigint;
}

/** The report of an import, as far as it got. */
export function makeReport(facts: ReportFacts): ImportReport {
  const { imported, quarantine, discovery, backup } = facts;
  const { tally, verification, tables = [] } = imported ?? {};
  const copied = new Map(backup?.sources.map((each) => [each.source.file, each]));
  return {
    migration_summary: {
      import_id: facts.id,
      status: facts.status,
      files_processed: discovery.sources.length,
      records_migrated: (tally?.added ?? 0) + (tally?.revised ?? 0) + (tally?.present ?? 0),
      records_quarantined: quarantine.count,
      errors: imported?.brokenFiles.size ?? 0,
      duration_seconds: Math.round(facts.seconds * 1000) / 1000,
    },
    database_statistics: Object.fromEntries<TableReport>(tally?.byTable ?? []),
    verification:
      verification && facts.isVerified !== false
        ? {
            leaves_in_source: verification.source,
            leaves_found: verification.found,
            differing: verification.differing,
            missing: verification.missing,
            examples: verification.examples,
          }
        : null,
    migration_details: {
      folder: discovery.root,
      tenant: facts.tenantId,
      sources: discovery.sources.map(({ file, kind }) => ({
        file,
        kind: kind?.kind ?? "database",
        bytes: copied.get(file)?.bytes ?? 0,
        sha256: copied.get(file)?.sha256 ?? "",
        records: imported?.records.get(file) ?? 0,
      })),
      unknown_files: discovery.unknown,
      unknown_tables: tables
        .filter(({ kind, rows }) => !kind && rows > 0)
        .map(({ file, name, rows }) => `${file} ${name} (${rows} rows)`),
      unknown_columns: tables.flatMap(({ file, name, kind, unknownColumns, rows }) =>
        kind && rows > 0 ? unknownColumns.map((column) => `${file} ${name}.${column}`) : [],
      ),
      times_taken_as_utc: tally?.zonelessTimes ?? 0,
      values_kept_beside_their_field: tally?.setAside ?? 0,
      links_to_nothing: tally?.dangling ?? 0,
      quarantine: {
        file: quarantine.count > 0 ? (quarantine.path ?? null) : null,
        examples: quarantine.examples,
      },
      backup: backup?.directory ?? null,
      encrypted: facts.encrypted,
      archived: facts.archived ?? [],
      start_position: String(facts.startPosition),
      end_position: String(facts.endPosition),
    },
  };
}
