import type { Column, ColumnType } from "../../entities/columns.js";

/** The type in which a column's values are given to a routine, one array for all rows. */
export function argumentType(type: ColumnType): string {
  return type === "real[]" ? "text" : type;
}

/** The parameters of a routine for an entity's columns. */
export function columnParameters(columns: readonly Column[]): string {
  return columns.map(({ name, type }) => `p_${name} ${argumentType(type)}[]`).join(",\n  ");
}

/** A column's value of one row `u` of the arguments, in the column's own type; blank values come as null. */
export function columnValue({ name, type, blank }: Column): string {
  const value = argumentType(type) === type ? `u.${name}` : `u.${name}::${type}`;
  return blank === null ? value : `coalesce(${value}, '${blank}'::${type})`;
}
