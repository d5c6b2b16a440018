import { mapInTurns } from "../core/in-turns.js";
import { type Row, storedFields } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow } from "../entities/stored-record.js";
import type { Run } from "./database.js";
import { columnsById, rowsById, standing } from "./flush-reads.js";

export type RecordKey = { readonly id: string } | { readonly externalId: string };

/** One thing by either of its names, deleted or not; undefined if this tenant has none. */
export async function findRecord(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  key: RecordKey,
): Promise<FieldBag | undefined> {
  if ("id" in key) return (await findRecords(run, codec, tenantId, [key.id]))[0];
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const [row] = await run<Row>({
    name: `by external id ${codec.entity.table}`,
    text: `
SELECT ${columns.join(", ")} FROM holdfast.${codec.entity.table}
WHERE tenant_id = $1::uuid AND external_id = $2${standing(codec)}`,
    values: [tenantId, key.externalId],
  });
  return row && recordFromRow(codec, row);
}

/** Those of the things that exist, in the order of the ids. */
export async function findRecords(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  ids: readonly string[],
): Promise<readonly FieldBag[]> {
  const rows = await run<Row>(rowsById(codec, tenantId, ids));
  // A row may hold thousands of numbers: many of them would hold the thread for long.
  const records = await mapInTurns(rows, (row) => recordFromRow(codec, row));
  const byId = new Map(records.map((record) => [record.id, record]));
  return ids.map((id) => byId.get(id)).filter((record) => record !== undefined);
}

/**
 * Those of the things that exist, by id, with these fields alone, by local name:
 * a row of mostly empty columns costs as much to read as a full one.
 */
export async function findFields(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  ids: readonly string[],
  names: ReadonlySet<string>,
): Promise<ReadonlyMap<string, FieldBag>> {
  const places = storedFields(codec.entity)
    .filter(({ field }) => names.has(field.localName) && field.localName !== "id")
    .flatMap(({ at, columns }) => columns.map(({ name }, i) => ({ name, at: at + i })));
  const columns = ["id", ...places.map(({ name }) => name)];
  const rows = await run<Row>(columnsById(codec, tenantId, ids, columns));
  const found = new Map<string, FieldBag>();
  for (const [id, ...values] of rows) {
    const row: Row = new Array(codec.columns.length).fill(null);
    row[codec.at.id] = id ?? null;
    for (const [i, { at }] of places.entries()) row[at] = values[i] ?? null;
    found.set(id as string, codec.fromRow(row));
  }
  return found;
}
