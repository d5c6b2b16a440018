import { GrowingBuffer } from "../core/growing-buffer.js";
import { writeUuid } from "../core/hex.js";
import { writeText } from "../core/short-text.js";
import type { ColumnType, ColumnValue } from "../entities/columns.js";

/** Type oids of Postgres' catalogue (pg_type.dat), fixed for all versions. */
const OID: Record<ColumnType, number> = {
  // An array of arrays would have to be rectangular: these travel as text and are cast.
  "real[]": 25,
  boolean: 16,
  bytea: 17,
  bigint: 20,
  integer: 23,
  text: 25,
  json: 114,
  "double precision": 701,
  timestamptz: 1184,
  uuid: 2950,
  jsonb: 3802,
};

/** 2000-01-01, from which Postgres counts microseconds. */
const POSTGRES_EPOCH_MICROS = 946_684_800_000_000n;
const JSONB_VERSION = 1;
const HEADER_LENGTH = 20;

/**
 * One column of many rows as a one-dimensional Postgres array in binary format,
 * which pg sends as it is. Against the text format this spares quoting every
 * element here and parsing it there.
 *
 * @returns null when every value is null: `unnest` fills the column with nulls.
 */
export function binaryArray(type: ColumnType, values: readonly ColumnValue[]): Buffer | null {
  return binaryColumn(type, values.length, (i) => values[i] ?? null);
}

/**
 * The same for values that are computed one by one. A value equal to `blank`
 * goes as null, which is what most of a sparse column then is.
 */
export function binaryColumn(
  type: ColumnType,
  count: number,
  valueAt: (i: number) => ColumnValue,
  blank: ColumnValue = null,
): Buffer | null {
  let writer: ElementWriter | undefined;
  let nulls = 0;
  for (let i = 0; i < count; i++) {
    const value = valueAt(i);
    if (value === null || value === blank) {
      nulls += 1;
      writer?.int32(-1);
      continue;
    }
    if (!writer) {
      writer = new ElementWriter(HEADER_LENGTH + count * EXPECTED_ELEMENT_LENGTH[type]);
      for (let before = 0; before < nulls; before++) writer.int32(-1);
    }
    writeElement(writer, type, value);
  }
  return writer ? writer.finish(OID[type], count, nulls > 0) : null;
}

/** Bytes to begin with for each element, its length included; more are found as needed. */
const EXPECTED_ELEMENT_LENGTH: Record<ColumnType, number> = {
  boolean: 5,
  integer: 8,
  bigint: 12,
  "double precision": 12,
  timestamptz: 12,
  uuid: 20,
  bytea: 36,
  text: 64,
  jsonb: 16,
  json: 512,
  "real[]": 2048,
};

function writeElement(writer: ElementWriter, type: ColumnType, value: NonNullable<ColumnValue>): void {
  switch (type) {
    case "uuid":
      writer.uuid(value as string);
      break;
    case "text":
    case "real[]":
      writer.text(value as string, 0);
      break;
    case "json":
      if (typeof value === "string") writer.text(value, 0);
      else writer.bytes(value as Uint8Array);
      break;
    case "jsonb":
      writer.text(value as string, JSONB_VERSION);
      break;
    case "boolean":
      writer.int32(1);
      writer.byte(value ? 1 : 0);
      break;
    case "integer":
      writer.int32(4);
      writer.int32(value as number);
      break;
    case "bigint":
      writer.int32(8);
      writer.int64(value as bigint);
      break;
    case "timestamptz":
      writer.int32(8);
      writer.int64((value as bigint) - POSTGRES_EPOCH_MICROS);
      break;
    case "double precision":
      writer.int32(8);
      writer.double(value as number);
      break;
    case "bytea":
      writer.bytes(value as Uint8Array);
      break;
  }
}

class ElementWriter extends GrowingBuffer {
  constructor(expectedLength: number) {
    super(expectedLength, HEADER_LENGTH);
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  int32(value: number): void {
    this.reserve(4);
    const buffer = this.buffer;
    const at = this.length;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
    this.length = at + 4;
  }

  int64(value: bigint): void {
    this.reserve(8);
    this.length = this.buffer.writeBigInt64BE(value, this.length);
  }

  double(value: number): void {
    this.reserve(8);
    this.length = this.buffer.writeDoubleBE(value, this.length);
  }

  uuid(value: string): void {
    this.int32(16);
    this.reserve(16);
    writeUuid(value, this.buffer, this.length);
    this.length += 16;
  }

  /** UTF-8, after a version byte where the type has one. */
  text(value: string, version: number): void {
    const prefix = version > 0 ? 1 : 0;
    // Three bytes a UTF-16 unit is the most UTF-8 takes.
    this.reserve(4 + prefix + value.length * 3);
    const start = this.length + 4 + prefix;
    const written = writeText(value, this.buffer, start);
    this.buffer.writeInt32BE(prefix + written, this.length);
    if (prefix === 1) this.buffer[start - 1] = version;
    this.length = start + written;
  }

  bytes(value: Uint8Array): void {
    this.reserve(4 + value.byteLength);
    this.buffer.writeInt32BE(value.byteLength, this.length);
    this.buffer.set(value, this.length + 4);
    this.length += 4 + value.byteLength;
  }

  finish(oid: number, count: number, hasNulls: boolean): Buffer {
    const buffer = this.buffer.subarray(0, this.length);
    buffer.writeInt32BE(1, 0);
    buffer.writeInt32BE(hasNulls ? 1 : 0, 4);
    buffer.writeInt32BE(oid, 8);
    buffer.writeInt32BE(count, 12);
    buffer.writeInt32BE(1, 16);
    return buffer;
  }
}
