import type { ColumnValue } from "../entities/columns.js";
import { storedFields } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";

/** Which of these fields, by local name, two records do not agree in as they are stored. */
export function differingFields(
  codec: EntityCodec,
  expected: FieldBag,
  found: FieldBag,
  names: readonly string[],
): readonly string[] {
  const ignored = { path: "", list: [] };
  const [left, right] = [codec.toRow(expected, ignored), codec.toRow(found, ignored)];
  return storedFields(codec.entity)
    .filter(({ field }) => names.includes(field.localName))
    .filter(({ at, columns }) => columns.some((_, i) => !same(left[at + i], right[at + i])))
    .map(({ field }) => field.localName);
}

function same(a: ColumnValue | undefined, b: ColumnValue | undefined): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}
