import type { Column } from "../../entities/columns.js";

/** A column's value of one row `u` of the arguments; blank values come as null. */
export function columnValue({ name, type, blank }: Column): string {
  return blank === null ? `u.${name}` : `coalesce(u.${name}, '${blank}'::${type})`;
}
