import { RecordFinisher } from "./finish-records.js";
import type { ImportContext } from "./import-context.js";
import { LastVerification } from "./last-verification.js";
import { mapRecord } from "./map-record.js";
import type { Quarantine } from "./quarantine.js";
import { isBad, type ReadableSource, type ReadTable, readSource } from "./read-source.js";
import { RecordWriter, type WriteTally } from "./record-writer.js";
import type { SourceRecord } from "./source-record.js";
import type { IdOf } from "./source-values.js";
import { RecordVerifier, type VerificationTally } from "./verify-records.js";

/** How far an import is. */
export interface ImportProgress {
  readonly phase: "import" | "verify";
  readonly file: string;
  readonly records: number;
}

export interface ImportSourcesOptions {
  readonly context: ImportContext;
  readonly importId: string;
  readonly idOf: IdOf;
  readonly sources: readonly ReadableSource[];
  readonly quarantine: Quarantine;
  readonly onProgress: (progress: ImportProgress) => void;
}

export interface ImportedSources {
  readonly tally: WriteTally;
  readonly verification: VerificationTally;
  readonly tables: readonly (ReadTable & { readonly file: string })[];
  /** Records of each file. */
  readonly records: ReadonlyMap<string, number>;
  /** Files that could not be read to their end. */
  readonly brokenFiles: ReadonlySet<string>;
}

/** Writes the records of sources, says what needs them all, and reads everything back. */
export async function importSources(options: ImportSourcesOptions): Promise<ImportedSources> {
  const { context, importId, idOf, sources, quarantine, onProgress } = options;
  const tables: (ReadTable & { file: string })[] = [];
  const records = new Map<string, number>();
  const brokenFiles = new Set<string>();
  const refused = new Set<string>();
  let needsFinish = false;
  const verifier = new RecordVerifier(context);
  const writer = new RecordWriter({
    context,
    importId,
    idOf,
    onBad: async (bad) => {
      refused.add(placeOf(bad));
      await quarantine.add(bad);
    },
    // What is finished in the end is verified in the end.
    onWritten: (written) => verifier.verify(written.filter(({ source }) => !FINISHED.has(source.kind.kind))),
  });
  for (const readable of sources) {
    const { file } = readable.source;
    for await (const record of readSource(readable, (table) => tables.push({ ...table, file }))) {
      const read = (records.get(file) ?? 0) + 1;
      records.set(file, read);
      if (isBad(record)) {
        if (record.endsFile) brokenFiles.add(file);
        await quarantine.add(record);
        continue;
      }
      needsFinish ||= FINISHED.has(record.kind.kind);
      await writer.add(record);
      if (read % 1000 === 0) onProgress({ phase: "import", file, records: read });
    }
    await writer.flush();
  }
  const each = async (
    kinds: ReadonlySet<string>,
    use: (record: SourceRecord, file: string) => Promise<void>,
  ) => {
    for (const readable of sources) {
      const { kind, file } = readable.source;
      // A database has records of every kind; what stands beside a file's list is configuration.
      if (kind && !kinds.has(kind.kind) && !kinds.has("configuration")) continue;
      for await (const record of readSource(readable)) {
        if (!isBad(record) && kinds.has(record.kind.kind) && !refused.has(placeOf(record)))
          await use(record, file);
      }
    }
  };
  if (needsFinish) {
    const finisher = new RecordFinisher(context, idOf);
    await each(FINISHED, (record) => finisher.add(record));
    await finisher.flush();
    writer.tally.dangling += finisher.dangling;
  }
  const last = new Set([...(needsFinish ? FINISHED : []), ...writer.repeatedKinds]);
  if (last.size > 0) {
    const pending = new LastVerification(context, verifier);
    let verified = 0;
    await each(last, async (source, file) => {
      const mapped = mapRecord(source, context.codecs, idOf);
      const isAgain = !FINISHED.has(source.kind.kind);
      if (!isAgain || writer.cameAgain(mapped)) await pending.add({ source, mapped }, isAgain);
      verified += 1;
      if (verified % 1000 === 0) onProgress({ phase: "verify", file, records: verified });
    });
    await pending.flush();
  }
  return { tally: writer.tally, verification: verifier.tally, tables, records, brokenFiles };
}

/** Kinds whose records say something that needs all of them. */
const FINISHED: ReadonlySet<string> = new Set(["session", "goal"]);

function placeOf({ file, path }: { readonly file: string; readonly path: string }): string {
  return `${file} ${path}`;
}
