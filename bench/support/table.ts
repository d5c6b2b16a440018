import type { BenchRow } from "../bench.js";

/** Prints rows under the columns they have, in the order of the first row. */
export function printTable(rows: readonly BenchRow[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.values)))];
  const lines = [
    ["", ...columns],
    ...rows.map(({ name, values }) => [name, ...columns.map((c) => values[c] ?? "–")]),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i + 1]?.length ?? 0)));
  const nameWidth = Math.max(...lines.map(([name = ""]) => name.length));
  process.stdout.write("\n");
  for (const [name = "", ...cells] of lines) {
    const padded = cells.map((cell, i) => cell.padStart(widths[i] ?? 0));
    process.stdout.write(`${name.padEnd(nameWidth)}  ${padded.join("  ")}\n`);
  }
  process.stdout.write("\n");
}

/** A count with thousands apart: "78,104". */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
