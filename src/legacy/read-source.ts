import type { Readable } from "node:stream";
import type { Source } from "./discover.js";
import { SourceDatabase, type SourceTable } from "./read-database-records.js";
import { readFileRecords } from "./read-file-records.js";
import type { BadRecord, SourceRecord } from "./source-record.js";

/** A source and how its bytes are read. */
export interface ReadableSource {
  readonly source: Source;
  read(suffix?: "-wal"): Promise<Readable>;
  /** Of the source and what belongs to it. */
  readonly bytes: number;
}

/** The records of a source in the order they are imported, and what cannot be one. */
export async function* readSource(
  readable: ReadableSource,
  maxDatabaseBytes: number,
  onTable: (table: SourceTable) => void = () => {},
): AsyncGenerator<SourceRecord | BadRecord> {
  const { bytes } = readable;
  const { file, kind } = readable.source;
  if (kind) {
    yield* readFileRecords({ file, kind, read: () => readable.read() });
    return;
  }
  if (bytes > maxDatabaseBytes) {
    const reason = `expected a database of at most ${maxDatabaseBytes} bytes, since it is read into memory, got ${bytes}: raise HOLDFAST_IMPORT_DATABASE_BYTES`;
    yield { file, path: "", reason, raw: Buffer.alloc(0), endsFile: true };
    return;
  }
  let database: SourceDatabase | undefined;
  try {
    database = await SourceDatabase.open(
      file,
      await bytesOf(readable.read()),
      await bytesOf(readable.read("-wal")),
    );
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

async function bytesOf(stream: Promise<Readable>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

export function isBad(record: SourceRecord | BadRecord): record is BadRecord {
  return "reason" in record;
}
