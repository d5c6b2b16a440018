import { CanonicalBytes } from "../core/canonical-bytes.js";
import type { Violations } from "./column-values.js";
import { type Column, type ColumnType, type ColumnValue, type Row, storedFields } from "./columns.js";
import type { EntityDeclaration } from "./declaration.js";
import { type FieldBag, fieldCodec } from "./field-codec.js";
import { messageMaker } from "./message-maker.js";
import { createWireRecordWriter, type WireRecordWriter } from "./wire-record.js";

/** Turns an entity's messages into rows and back, and hashes rows. */
export interface EntityCodec {
  readonly entity: EntityDeclaration;
  readonly columns: readonly Column[];
  /** Where columns that most entities have stand in a row; -1 where one does not. */
  readonly at: Readonly<Record<"id" | "sessionId" | "agentId" | "externalId", number>>;
  /** A message without content. */
  newMessage(): FieldBag;
  /** The row of a message; what is wrong with it is added to `violations`, and the row is then void. */
  toRow(message: FieldBag, violations: Violations): Row;
  /** The message of a row, without what the commit sets (position and times). */
  fromRow(row: Readonly<Row>): FieldBag;
  /** Writes the bytes of the message of a stored row. */
  readonly write: WireRecordWriter;
  /** SHA-256 over the entity's name and every column, and how many bytes that was. */
  hash(row: Readonly<Row>): RowHash;
}

export interface RowHash {
  readonly sha256: Buffer;
  readonly byteLength: number;
}

/** Compiles the codec of a declaration; done once for each entity at start. */
export function createEntityCodec(entity: EntityDeclaration): EntityCodec {
  const fields = storedFields(entity);
  const codecs = fields.map((field) => fieldCodec(entity, field));
  const columns = fields.flatMap((field) => field.columns);
  const writers = columns.map((column) => canonicalWriter(column.type));
  const bytes = new CanonicalBytes();
  const newMessage = messageMaker(entity.message);
  // The first column of the field that was added later; past the end where there is none.
  const first = fields.find(({ field }) => field.name === entity.addedLater)?.at ?? columns.length;
  const at = (name: string) => columns.findIndex((column) => column.name === name);

  return Object.freeze({
    entity,
    columns,
    at: {
      id: at("id"),
      sessionId: at("session_id"),
      agentId: at("agent_id"),
      externalId: at("external_id"),
    },
    newMessage,
    toRow(message: FieldBag, violations: Violations): Row {
      const row: Row = new Array(columns.length);
      for (const codec of codecs) codec.write(message, row, violations);
      return row;
    },
    fromRow(row: Readonly<Row>): FieldBag {
      const message = newMessage();
      for (const codec of codecs) codec.read(row, message);
      return message;
    },
    write: createWireRecordWriter(entity),
    hash(row: Readonly<Row>): RowHash {
      bytes.reset().text(entity.name);
      const end = isBlankFrom(row, first) ? first : writers.length;
      for (let i = 0; i < end; i++) {
        const value = row[i];
        if (value === null || value === undefined) bytes.absent();
        else writers[i]?.(bytes, value);
      }
      return { sha256: bytes.sha256(), byteLength: bytes.byteLength };
    },
  });
}

function isBlankFrom(row: Readonly<Row>, from: number): boolean {
  for (let i = from; i < row.length; i++) if (row[i] !== null && row[i] !== undefined) return false;
  return true;
}

function canonicalWriter(type: ColumnType): (bytes: CanonicalBytes, value: NonNullable<ColumnValue>) => void {
  switch (type) {
    case "uuid":
      return (bytes, value) => bytes.uuid(value as string);
    case "text":
    case "jsonb":
    case "real[]":
      return (bytes, value) => bytes.text(value as string);
    case "json":
      return (bytes, value) => {
        if (typeof value === "string") bytes.text(value);
        else bytes.bytes(value as Uint8Array);
      };
    case "boolean":
      return (bytes, value) => bytes.boolean(value as boolean);
    case "integer":
    case "double precision":
      return (bytes, value) => bytes.double(value as number);
    case "bigint":
    case "timestamptz":
      return (bytes, value) => bytes.integer(value as bigint);
    case "bytea":
      return (bytes, value) => bytes.bytes(value as Uint8Array);
  }
}
