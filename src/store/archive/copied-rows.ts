import { microsFromText } from "../../core/time.js";
import type { ColumnType, ColumnValue } from "../../entities/columns.js";

const NEWLINE = 0x0a;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** The rows of a COPY in its text format: the fields of each as text, null for NULL. */
export async function* copiedRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<(string | null)[], void> {
  let held: Buffer[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      held.push(chunk);
      continue;
    }
    const lines = Buffer.concat([...held, chunk.subarray(0, end - 1)]).toString("utf8");
    for (const line of lines.split("\n")) yield line.split("\t").map(field);
    held = [chunk.subarray(end)];
  }
}

function field(text: string): string | null {
  if (!text.includes("\\")) return text;
  if (text === "\\N") return null;
  return text.replace(/\\(.)/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
}

/** A column's value from the text that Postgres gives for it. */
export function valueFromText(type: ColumnType, text: string | null | undefined): ColumnValue {
  if (text === null || text === undefined) return null;
  switch (type) {
    case "boolean":
      return text === "t";
    case "integer":
    case "double precision":
      return Number(text);
    case "bigint":
      return BigInt(text);
    case "timestamptz":
      return microsFromText(text);
    case "bytea":
      return bytesFromText(text);
    default:
      return text;
  }
}

/** From the hexadecimal form of bytea. */
export function bytesFromText(text: string): Buffer {
  return Buffer.from(text.slice("\\x".length), "hex");
}
