import { invalidFields } from "../core/errors.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec, RowHash } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";

/** A row with what `EntityCodec.hash` says of it. */
export interface PreparedRow extends RowHash {
  readonly row: Row;
}

/** @throws INVALID_FIELD */
export function prepareRow(codec: EntityCodec, record: FieldBag, path: string): PreparedRow {
  const violations = { path, list: [] };
  const row = codec.toRow(record, violations);
  if (violations.list.length > 0) throw invalidFields(violations.list);
  return { row, ...codec.hash(row) };
}
