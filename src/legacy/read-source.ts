import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { Source } from "./discover.js";
import { SourceDatabase, type SourceTable } from "./read-database-records.js";
import { readFileRecords } from "./read-file-records.js";
import type { BadRecord, SourceRecord } from "./source-record.js";
import { makeWorkingCopy } from "./working-copy.js";

/** A source and how its bytes are read. */
export interface ReadableSource {
  readonly source: Source;
  /** Where a database is copied to be read. */
  readonly scratch: string;
  /** The bytes of the source, or of the file beside it whose name goes on like this: none where there is none. */
  read(suffix?: "-wal"): Promise<Readable>;
}

/** A table as it was read. */
export interface ReadTable extends SourceTable {
  readonly rows: number;
}

/** Rows of a database are read synchronously: after this many, whatever else the process does has its turn. */
const ROWS_A_TURN = 100;

/** The records of a source in the order they are imported, and what cannot be one. */
export async function* readSource(
  readable: ReadableSource,
  onTable: (table: ReadTable) => void = () => {},
): AsyncGenerator<SourceRecord | BadRecord> {
  const { file, kind } = readable.source;
  if (kind) yield* readFileRecords({ file, kind, read: () => readable.read() });
  else yield* readDatabase(readable, onTable);
}

async function* readDatabase(
  { source: { file }, scratch, read }: ReadableSource,
  onTable: (table: ReadTable) => void,
): AsyncGenerator<SourceRecord | BadRecord> {
  const copy = await makeWorkingCopy(scratch, read);
  let database: SourceDatabase | undefined;
  try {
    database = new SourceDatabase(copy.path, file);
    await copy.remove();
    for (const table of database.tables()) {
      let rows = 0;
      try {
        for (const record of database.records(table)) {
          rows += 1;
          yield record;
          if (rows % ROWS_A_TURN === 0) await setImmediate();
        }
      } finally {
        onTable({ ...table, rows });
      }
    }
  } catch (error) {
    const reason = `not a readable database: ${error instanceof Error ? error.message : error}`;
    yield { file, path: "", reason, raw: Buffer.alloc(0), endsFile: true };
  } finally {
    database?.close();
    await copy.remove();
  }
}

export function isBad(record: SourceRecord | BadRecord): record is BadRecord {
  return "reason" in record;
}
