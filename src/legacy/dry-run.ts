import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../core/errors.js";
import { makeBackup } from "./backup.js";
import type { Discovery } from "./discover.js";
import type { ImportContext } from "./import-context.js";
import { uncountedDisk } from "./import-disk.js";
import type { ImportReport } from "./import-report.js";
import { makeReport } from "./make-report.js";
import { mapRecord } from "./map-record.js";
import { Quarantine } from "./quarantine.js";
import { isBad, type ReadTable, readSource } from "./read-source.js";
import { sourceIds } from "./source-ids.js";
import { Unmappable } from "./source-record.js";

/** The report an import would give, as far as it can be known without writing. Databases are read from a copy. */
export async function dryRun(context: ImportContext, discovery: Discovery): Promise<ImportReport> {
  const started = performance.now();
  const disk = context.disk ?? uncountedDisk();
  const directory = await mkdtemp(join(disk.scratch, "holdfast-dry-run-"));
  try {
    const backup = await makeBackup(discovery, directory, [], disk);
    const quarantine = await Quarantine.open(undefined);
    const idOf = await sourceIds(context.database, context.tenantId);
    const imported = {
      tally: {
        added: 0,
        present: 0,
        revised: 0,
        zonelessTimes: 0,
        setAside: 0,
        dangling: 0,
        byTable: new Map(),
      },
      verification: { source: 0, found: 0, differing: 0, missing: 0, examples: [] },
      tables: [] as (ReadTable & { file: string })[],
      records: new Map<string, number>(),
      brokenFiles: new Set<string>(),
    };
    for (const readable of backup.sources) {
      const { file } = readable.source;
      for await (const record of readSource(readable, (table) => imported.tables.push({ ...table, file }))) {
        imported.records.set(file, (imported.records.get(file) ?? 0) + 1);
        if (isBad(record)) {
          if (record.endsFile) imported.brokenFiles.add(file);
          await quarantine.add(record);
          continue;
        }
        try {
          const { message, zonelessTimes, setAside } = mapRecord(record, context.codecs, idOf);
          const { preparer, codecs } = context;
          const { entity } = record.kind;
          if (entity.nature === "append") preparer.append(codecs.of(entity), message, "");
          else preparer.create(codecs.of(entity), message, "");
          imported.tally.zonelessTimes += zonelessTimes;
          imported.tally.setAside += setAside;
          const counts = imported.tally.byTable.get(entity.table) ?? {
            read: 0,
            added: 0,
            present: 0,
            revised: 0,
          };
          counts.read += 1;
          imported.tally.byTable.set(entity.table, counts);
        } catch (error) {
          if (!(error instanceof Unmappable || error instanceof HoldfastError)) throw error;
          const { path, text } = record;
          await quarantine.add({
            file,
            path,
            reason: error.message,
            raw: Buffer.from(text),
            endsFile: false,
          });
        }
      }
    }
    const report = makeReport({
      id: "",
      tenantId: context.tenantId,
      status: "dry run",
      discovery,
      backup,
      encrypted: false,
      quarantine,
      imported,
      isVerified: false,
      seconds: (performance.now() - started) / 1000,
      startPosition: 0n,
      endPosition: 0n,
    });
    return { ...report, migration_details: { ...report.migration_details, backup: null } };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
