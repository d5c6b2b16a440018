import { binaryArray } from "./binary-array.js";
import type { Database, Run } from "./database.js";

export type ImportStatus = "RUNNING" | "COMPLETED" | "DIFFERENT" | "ROLLED_BACK";

/** One import as it is kept, with its report as JSON. */
export interface StoredImport {
  readonly id: string;
  readonly status: ImportStatus;
  /** SHA-256 over what was imported: the same sources give the same. */
  readonly sourcesHash: Buffer;
  /** Where the log ended before it. */
  readonly startPosition: bigint;
  /** Microseconds since 1970. */
  readonly createMicros: bigint;
  readonly updateMicros: bigint;
  readonly report: string;
}

type ImportRow = [
  id: string,
  status: ImportStatus,
  sourcesHash: Buffer,
  startPosition: bigint,
  createMicros: bigint,
  updateMicros: bigint,
  report: string,
];

/** Every import of a tenant, oldest first. */
export async function readImports(run: Run, tenantId: string): Promise<readonly StoredImport[]> {
  const rows = await run<ImportRow>({
    text: `
SELECT id, status, sources_hash, start_position, create_time, update_time, report FROM holdfast.imports
WHERE tenant_id = $1::uuid ORDER BY create_time, id`,
    values: [tenantId],
  });
  return rows.map(([id, status, sourcesHash, startPosition, createMicros, updateMicros, report]) => ({
    id,
    status,
    sourcesHash,
    startPosition,
    createMicros,
    updateMicros,
    report,
  }));
}

/** The import that began with these very sources and never ended; undefined where there is none. */
export async function findInterruptedImport(
  run: Run,
  tenantId: string,
  sourcesHash: Buffer,
): Promise<Pick<StoredImport, "id" | "startPosition"> | undefined> {
  const rows = await run<[id: string, startPosition: bigint]>({
    text: `
SELECT id, start_position FROM holdfast.imports
WHERE tenant_id = $1::uuid AND status = 'RUNNING' AND sources_hash = $2 ORDER BY create_time, id LIMIT 1`,
    values: [tenantId, sourcesHash],
  });
  return rows[0] && { id: rows[0][0], startPosition: rows[0][1] };
}

/** Notes an import, or how it goes on. */
export async function saveImport(
  database: Database,
  tenantId: string,
  entry: Pick<StoredImport, "id" | "status" | "sourcesHash" | "startPosition" | "report">,
): Promise<void> {
  await database.run({
    name: "save import",
    text: "SELECT holdfast.save_import($1::uuid, $2::uuid, $3, $4, $5::bigint, $6::json)",
    values: [tenantId, entry.id, entry.status, entry.sourcesHash, String(entry.startPosition), entry.report],
  });
}

/** A thing by its entity's name and its id. */
export type ImportedThing = readonly [entity: string, id: string];

/** Notes what a batch is about to write, before it does. */
export async function addImportBatch(
  database: Database,
  tenantId: string,
  importId: string,
  things: readonly ImportedThing[],
): Promise<void> {
  if (things.length === 0) return;
  await database.run({
    name: "add import batch",
    text: "SELECT holdfast.add_import_batch($1::uuid, $2::uuid, $3::text[], $4::uuid[])",
    values: [
      tenantId,
      importId,
      binaryArray(
        "text",
        things.map(([entity]) => entity),
      ),
      binaryArray(
        "uuid",
        things.map(([, id]) => id),
      ),
    ],
  });
}

/** Numbers of the batches noted, in order. */
export async function readBatchNumbers(run: Run, tenantId: string, importId: string): Promise<number[]> {
  const rows = await run<[number]>({
    text: "SELECT number FROM holdfast.import_batches WHERE tenant_id = $1::uuid AND import_id = $2::uuid ORDER BY number",
    values: [tenantId, importId],
  });
  return rows.map(([number]) => number);
}

/** What one batch was about to write. */
export async function readImportBatch(
  run: Run,
  tenantId: string,
  importId: string,
  number: number,
): Promise<ImportedThing[]> {
  return run<[string, string]>({
    text: `
SELECT t.entity, t.id FROM holdfast.import_batches b, unnest(b.entities, b.ids) AS t (entity, id)
WHERE b.tenant_id = $1::uuid AND b.import_id = $2::uuid AND b.number = $3`,
    values: [tenantId, importId, number],
  });
}

/** Takes back appended rows: they keep their place in the log and are part of no other answer. */
export async function withdrawRows(
  database: Database,
  tenantId: string,
  table: string,
  ids: readonly string[],
): Promise<bigint> {
  const [row] = await database.run<[bigint]>({
    name: `withdraw ${table}`,
    text: `SELECT holdfast.withdraw_${table}($1::uuid, $2::uuid[])`,
    values: [tenantId, binaryArray("uuid", ids)],
  });
  return row?.[0] ?? 0n;
}

/**
 * Does something as the only importer of a tenant. In a transaction, which a
 * connection pooler leaves on one server; a process that dies lets go of it.
 *
 * @param wait called each time another is still at it; throws to give up.
 */
export async function aloneInTenant<T>(
  database: Database,
  tenantId: string,
  wait: () => Promise<void>,
  use: () => Promise<T>,
): Promise<T> {
  let outcome: { readonly result: T } | { readonly error: unknown } | undefined;
  await database.withConnection(async (run) => {
    const lock = {
      text: "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))",
      values: [`holdfast import ${tenantId}`],
    };
    for (;;) {
      await run("BEGIN");
      const [row] = await run<[boolean]>(lock);
      if (row?.[0]) break;
      await run("ROLLBACK");
      await wait();
    }
    try {
      outcome = { result: await use() };
    } catch (error) {
      // Not of this connection: a full disk is no lost database, though both are failed system calls.
      outcome = { error };
    }
    await run("ROLLBACK").catch(() => {});
  });
  if (!outcome) throw new TypeError("expected an outcome");
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}
