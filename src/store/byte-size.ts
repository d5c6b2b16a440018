import type { Column } from "../entities/columns.js";

/** Of one number of an embedding. */
const REAL_BYTES = 4;

/** SQL for how many bytes a row of these columns takes in a message, roughly: the lengths of what varies. */
export function byteSize(columns: readonly Column[]): string {
  return ["200", ...columns.flatMap(lengthOf)].join(" + ");
}

function lengthOf({ name, type }: Column): readonly string[] {
  switch (type) {
    case "text":
    case "bytea":
      return [`coalesce(octet_length(${name}), 0)`];
    case "json":
    case "jsonb":
      return [`coalesce(octet_length(${name}::text), 0)`];
    case "real[]":
      return [`${REAL_BYTES} * coalesce(cardinality(${name}), 0)`];
    default:
      return [];
  }
}
