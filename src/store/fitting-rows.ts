/** Rows to cut where they are too large. */
export interface SizedRows {
  /** SQL of the rows, each with its bytes in a column `size`. */
  readonly rows: string;
  /** Names of the columns wanted of them. */
  readonly columns: readonly string[];
  /** SQL of their order; any without it. */
  readonly order?: string;
  /** SQL of the bytes there is room for. */
  readonly room: string;
}

/**
 * SQL of as many of the rows as there is room for, and at least one. Behind the columns wanted each has `found`: how many
 * there are.
 */
export function fittingRows({ rows, columns, order, room }: SizedRows): string {
  const sorted = order === undefined ? "" : `ORDER BY ${order}`;
  return `
SELECT ${columns.join(", ")}, found FROM (
  SELECT *, count(*) OVER () AS found, sum(size) OVER (${sorted} ROWS UNBOUNDED PRECEDING) - size AS before
  FROM (
${rows}
  ) AS page
) AS sized
WHERE before < ${room} ${sorted}`;
}

/** Of rows that were read so: how many there are. */
export function foundOf(rows: readonly (readonly unknown[])[]): number {
  return Number(rows[0]?.at(-1) ?? 0);
}
