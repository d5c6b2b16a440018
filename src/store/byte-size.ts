import type { Column } from "../entities/columns.js";

/** SQL for how many bytes a row of these columns takes in a message, roughly: the lengths of what varies. */
export function byteSize(columns: readonly Column[]): string {
  const lengths = columns
    .filter(({ type }) => type === "text" || type === "json" || type === "jsonb" || type === "bytea")
    .map(({ name, type }) => {
      const content = type === "json" || type === "jsonb" ? `${name}::text` : name;
      return `coalesce(octet_length(${content}), 0)`;
    });
  return ["200", ...lengths].join(" + ");
}
