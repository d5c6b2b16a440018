import { mapInTurns, type Turn } from "../core/in-turns.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import { byKey } from "./by-key.js";
import { byteSize } from "./byte-size.js";
import type { Run } from "./database.js";
import { fittingRows, foundOf } from "./fitting-rows.js";
import { standing } from "./flush-reads.js";

export interface FittingRecords {
  readonly records: readonly FieldBag[];
  /** Whether there are more of them, for which there was no room. */
  readonly hasMore: boolean;
}

export interface WantedRecords {
  readonly tenantId: string;
  readonly ids: readonly string[];
  readonly maxBytes: number;
  /** A column that is not read; its field is empty. */
  readonly without?: string | undefined;
}

/**
 * Those of the things that exist, in the order of the ids, up to so many bytes and at least one: a thousand of the
 * largest would be a gigabyte.
 */
export async function findFittingRecords(
  run: Run,
  codec: EntityCodec,
  { tenantId, ids, maxBytes, without }: WantedRecords,
  turn?: Turn,
): Promise<FittingRecords> {
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const selected = columns.map((column) => (column === without ? `NULL AS ${column}` : `t.${column}`));
  const read = codec.columns.filter(({ name }) => name !== without);
  const rows = await run<Row>({
    name: `fitting ${codec.entity.table}${without ? ` without ${without}` : ""}`,
    text: fittingRows({
      columns,
      rows: `
    SELECT ${selected.join(", ")}, asked.place, ${byteSize(read)} AS size
    FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (asked_id, place)
    CROSS JOIN ${byKey(codec.entity.table, "t", "asked.asked_id")}
    WHERE true${standing(codec)}`,
      order: "place",
      room: "$3",
    }),
    values: [tenantId, binaryArray("uuid", ids), maxBytes],
  });
  return fittingRecords(codec, rows, turn);
}

/** What the rows of a statement by `fittingRows` hold: the entity's columns and those of `commitColumns`. */
export async function fittingRecords(
  codec: EntityCodec,
  rows: readonly Row[],
  turn?: Turn,
): Promise<FittingRecords> {
  const records = await mapInTurns(rows, (row) => recordFromRow(codec, row), turn);
  return { records, hasMore: records.length < foundOf(rows) };
}
