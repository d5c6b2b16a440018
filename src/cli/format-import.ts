import type { ImportReport } from "../legacy/import-report.js";
import { printable } from "./printable.js";

/** The report of an import, for people. */
export function formatImport(report: ImportReport): string {
  const { migration_summary: summary, verification, migration_details: details } = report;
  const isDry = summary.status === "dry run";
  const lines = [
    isDry ? `Would import from ${details.folder}` : `Import ${summary.import_id}: ${summary.status}`,
    ...details.sources.map(
      ({ file, kind, records, bytes }) =>
        `  ${pad(printable(file), 44)} ${pad(kind, 16)} ${right(records)} records  ${right(bytes)} bytes`,
    ),
    ...listed("unknown, left alone", details.unknown_files),
    ...listed("tables of its own, kept as configurations", details.unknown_tables),
    ...listed("columns without a field, kept with the rest", details.unknown_columns),
    "",
    `  ${pad("table", 24)} ${right("read")} ${right("added")} ${right("there")} ${right("revised")}`,
    ...Object.entries(report.database_statistics).map(
      ([table, { read, added, present, revised }]) =>
        `  ${pad(table, 24)} ${right(read)} ${right(added)} ${right(present)} ${right(revised)}`,
    ),
    "",
    `records ${summary.records_migrated}, quarantined ${summary.records_quarantined}, files with errors ${summary.errors}, ${summary.duration_seconds} s`,
  ];
  if (verification) {
    lines.push(
      `leaves in source ${verification.leaves_in_source}, found ${verification.leaves_found}, differing ${verification.differing}, missing ${verification.missing}`,
      ...verification.examples.map(
        ({ file, path, difference }) => `  ${printable(`${file} ${path}: ${difference}`)}`,
      ),
    );
  }
  lines.push(`times without a zone, taken as UTC: ${details.times_taken_as_utc}`);
  if (details.values_kept_beside_their_field > 0) {
    lines.push(
      `values that their field cannot hold, kept with the rest: ${details.values_kept_beside_their_field}`,
    );
  }
  if (details.links_to_nothing > 0) lines.push(`links to what is not there: ${details.links_to_nothing}`);
  for (const { file, path, reason } of details.quarantine.examples) {
    lines.push(`  quarantined: ${printable(`${file} ${path}: ${reason}`)}`);
  }
  if (details.quarantine.file) {
    lines.push(
      `mend ${details.quarantine.file}, then: holdfast import --from-quarantine ${details.quarantine.file}`,
    );
  }
  if (details.backup) lines.push(`backup ${details.backup}${details.encrypted ? ", encrypted" : ""}`);
  if (details.archived.length > 0) lines.push(`originals renamed to .backup: ${details.archived.length}`);
  return `${lines.join("\n")}\n`;
}

function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > 10 ? `, and ${names.length - 10} more` : "";
  return [`  ${what}: ${names.slice(0, 10).map(printable).join(", ")}${more}`];
}

function pad(text: string, width: number): string {
  return text.padEnd(width);
}

function right(value: number | string): string {
  return String(value).padStart(9);
}
