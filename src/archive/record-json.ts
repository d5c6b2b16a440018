import { microsFromText, textFromMicros } from "../core/time.js";
import type { ColumnType, ColumnValue, Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import { ArchiveError } from "./archive-error.js";
import { type ArchiveLine, jsonObject } from "./archive-line.js";

/** A row as JSON text, a member for each column that holds something. */
export function recordJson(codec: EntityCodec, row: Readonly<Row>): string {
  const members: Record<string, string | undefined> = {};
  for (const [i, { name, type }] of codec.columns.entries())
    members[name] = jsonFromValue(type, row[i] ?? null);
  return jsonObject(members);
}

/** @throws ArchiveError damaged or version, naming the line */
export function rowFromLine(codec: EntityCodec, { record, where }: ArchiveLine): Row {
  for (const name of record.keys()) {
    if (codec.columns.some((column) => column.name === name)) continue;
    throw new ArchiveError(
      "version",
      `${where} has ${JSON.stringify(name)}, which this version does not know`,
    );
  }
  return codec.columns.map(({ name, type }) => memberValue(type, record.get(name), `${where}: ${name}`));
}

/** A member's value as a column of the type holds it; null if it is absent. */
export function memberValue(type: ColumnType, json: string | undefined, where: string): ColumnValue {
  if (json === undefined) return null;
  try {
    return valueFromJson(type, json);
  } catch (error) {
    throw new ArchiveError("damaged", `${where}: expected ${type}, got ${json.slice(0, 80)}`, error);
  }
}

/** As {@link memberValue} takes it; undefined for null. */
export function jsonFromValue(type: ColumnType, value: ColumnValue): string | undefined {
  if (value === null) return undefined;
  switch (type) {
    case "jsonb":
      return value as string;
    case "real[]":
      return `[${(value as string).slice(1, -1)}]`;
    case "double precision":
    case "integer":
      return numberJson(value as number);
    case "boolean":
      return String(value);
    case "timestamptz":
      return `"${textFromMicros(value as bigint)}"`;
    case "bytea":
      return `"${Buffer.from(value as Uint8Array).toString("base64")}"`;
    default:
      // Payloads too, as the text they are: written as JSON within JSON they would not come back byte for byte.
      return JSON.stringify(typeof value === "bigint" ? String(value) : value);
  }
}

// What JSON has no number for stands as a string, as in protobuf's JSON.
function numberJson(value: number): string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
}

function valueFromJson(type: ColumnType, json: string): ColumnValue {
  if (type === "jsonb") return json;
  if (type === "real[]") return `{${json.slice(1, -1)}}`;
  const value: unknown = JSON.parse(json);
  switch (type) {
    case "double precision":
    case "integer":
      return Number(value);
    case "boolean":
      if (typeof value !== "boolean") throw new TypeError("no boolean");
      return value;
    default:
      if (typeof value !== "string") throw new TypeError("no string");
      return fromText(type, value);
  }
}

function fromText(type: ColumnType, text: string): ColumnValue {
  switch (type) {
    case "bigint":
      return BigInt(text);
    case "timestamptz":
      return microsFromText(text);
    case "bytea":
      return Buffer.from(text, "base64");
    default:
      return text;
  }
}
