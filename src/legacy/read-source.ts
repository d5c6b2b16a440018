import type { Source } from "./discover.js";
import { SourceDatabase, type SourceTable } from "./read-database-records.js";
import { readFileRecords } from "./read-file-records.js";
import type { BadRecord, SourceRecord } from "./source-record.js";

/** A source and where its bytes are. */
export interface ReadableSource {
  readonly source: Source;
  readonly path: string;
}

/** The records of a source in the order they are imported, and what cannot be one. */
export async function* readSource(
  { source, path }: ReadableSource,
  onTable: (table: SourceTable) => void = () => {},
): AsyncGenerator<SourceRecord | BadRecord> {
  const { file, kind } = source;
  if (kind) {
    yield* readFileRecords({ file, path, kind });
    return;
  }
  let database: SourceDatabase | undefined;
  try {
    database = await SourceDatabase.open(file, path);
    for (const table of database.tables()) {
      onTable(table);
      yield* database.records(table);
    }
  } catch (error) {
    const reason = `not a readable database: ${error instanceof Error ? error.message : error}`;
    yield { file, path: "", reason, raw: Buffer.alloc(0), endsFile: true };
  } finally {
    database?.close();
  }
}

export function isBad(record: SourceRecord | BadRecord): record is BadRecord {
  return "reason" in record;
}
