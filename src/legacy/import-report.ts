/** What an import did; its keys are those of the JSON report. */
export interface ImportReport {
  readonly migration_summary: {
    readonly import_id: string;
    readonly status: "dry run" | "running" | "completed" | "differences found" | "rolled back";
    readonly files_processed: number;
    readonly records_migrated: number;
    readonly records_quarantined: number;
    /** Files that could not be read to their end. */
    readonly errors: number;
    readonly duration_seconds: number;
  };
  readonly database_statistics: Readonly<Record<string, TableReport>>;
  readonly verification: VerificationReport | null;
  readonly migration_details: ImportDetails;
}

export interface TableReport {
  readonly read: number;
  readonly added: number;
  readonly present: number;
  readonly revised: number;
}

export interface VerificationReport {
  readonly leaves_in_source: number;
  readonly leaves_found: number;
  readonly differing: number;
  readonly missing: number;
  readonly examples: readonly { readonly file: string; readonly path: string; readonly difference: string }[];
}

export interface ImportDetails {
  readonly folder: string;
  readonly tenant: string;
  readonly sources: readonly SourceReport[];
  readonly unknown_files: readonly string[];
  readonly unknown_tables: readonly string[];
  readonly unknown_columns: readonly string[];
  readonly times_taken_as_utc: number;
  /** Values no field can hold as they are; kept in the metadata or payload alone. */
  readonly values_kept_beside_their_field: number;
  readonly links_to_nothing: number;
  readonly quarantine: {
    readonly file: string | null;
    readonly examples: readonly { readonly file: string; readonly path: string; readonly reason: string }[];
  };
  readonly backup: string | null;
  readonly encrypted: boolean;
  /** Originals that were renamed, from the folder. */
  readonly archived: readonly string[];
  /** Where the log ended before and after. */
  readonly start_position: string;
  readonly end_position: string;
}

export interface SourceReport {
  readonly file: string;
  readonly kind: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly records: number;
}
