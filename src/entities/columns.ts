import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { EntityDeclaration } from "./declaration.js";

/** The Postgres types Holdfast stores fields in. */
export type ColumnType =
  | "uuid"
  | "text"
  | "boolean"
  | "integer"
  | "bigint"
  | "double precision"
  | "timestamptz"
  | "jsonb"
  | "json"
  | "bytea"
  | "real[]";

/**
 * A value of a row, by column type: uuid, text and jsonb as string, json as
 * string when read and as UTF-8 bytes when to be written,
 * integer and double precision as number, bigint as bigint, timestamptz as
 * bigint microseconds since 1970, bytea as bytes, real[] as the text Postgres
 * takes for it ("{0.5,1}").
 */
export type ColumnValue = string | number | bigint | boolean | Uint8Array | null;

/** The values of a record in the order of its columns. */
export type Row = ColumnValue[];

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** What stands there for a field that says nothing: null, or an empty text or collection. */
  readonly blank: null | "" | "{}" | "[]";
}

/** How a field's values are kept; `payload` takes three columns, the others one. */
export type FieldKind =
  | "id"
  | "reference"
  | "name"
  | "text"
  | "enum"
  | "boolean"
  | "integer"
  | "bigint"
  | "double"
  | "timestamp"
  | "text map"
  | "number map"
  | "count map"
  | "text list"
  | "vector"
  | "payload";

export interface StoredField {
  readonly field: DescField;
  readonly kind: FieldKind;
  /** Index of its first column within the row. */
  readonly at: number;
  readonly columns: readonly Column[];
}

/** Set by the append path from the position and time of the commit, not by the record's content. */
const COMMIT_FIELDS = new Set(["position", "create_time", "update_time"]);

/** The fields of an entity's message that make up its row, in the order of the message. */
export function storedFields(entity: EntityDeclaration): readonly StoredField[] {
  let at = 0;
  return entity.message.fields
    .filter((field) => !COMMIT_FIELDS.has(field.name) && field.name !== entity.secret?.redacted)
    .filter((field) => !entity.storedElsewhere?.includes(field.name))
    .map((field) => {
      const kind = fieldKind(entity, field);
      const columns = fieldColumns(field, kind);
      const stored = { field, kind, at, columns };
      at += columns.length;
      return stored;
    });
}

function fieldKind(entity: EntityDeclaration, field: DescField): FieldKind {
  if (field.name === "id") return "id";
  if (field.name === "session_id" || entity.references?.includes(field.name)) return "reference";
  if (field.name === "external_id" || field.name === "agent_id") return "name";
  switch (field.fieldKind) {
    case "enum":
      return "enum";
    case "message":
      return messageKind(field.message);
    case "map":
      if (field.mapKind === "scalar" && field.scalar === ScalarType.STRING) return "text map";
      if (field.mapKind === "scalar" && field.scalar === ScalarType.DOUBLE) return "number map";
      if (field.mapKind === "scalar" && field.scalar === ScalarType.INT64) return "count map";
      break;
    case "list":
      if (field.listKind === "scalar" && field.scalar === ScalarType.STRING) return "text list";
      if (field.listKind === "scalar" && field.scalar === ScalarType.FLOAT) return "vector";
      break;
    case "scalar":
      if (field.scalar === ScalarType.STRING) return "text";
      if (field.scalar === ScalarType.BOOL) return "boolean";
      if (field.scalar === ScalarType.INT32) return "integer";
      if (field.scalar === ScalarType.INT64) return "bigint";
      if (field.scalar === ScalarType.DOUBLE) return "double";
      break;
  }
  throw new TypeError(`${field}: there is no column type for this field`);
}

function messageKind(message: DescMessage): FieldKind {
  if (message.typeName === "google.protobuf.Timestamp") return "timestamp";
  if (message.typeName === "holdfast.v1.Payload") return "payload";
  throw new TypeError(`${message}: there is no column type for this message`);
}

function fieldColumns(field: DescField, kind: FieldKind): readonly Column[] {
  const nullable = field.fieldKind === "scalar" && field.proto.proto3Optional;
  const one = (type: ColumnType, isNullable: boolean, blank: Column["blank"] = null): readonly Column[] => [
    { name: field.name, type, nullable: isNullable, blank },
  ];
  switch (kind) {
    case "id":
      return one("uuid", false);
    case "reference":
      return one("uuid", true);
    case "name":
    case "enum":
      return one("text", true);
    case "text":
      return one("text", nullable, nullable ? null : "");
    case "boolean":
      return one("boolean", nullable);
    case "integer":
      return one("integer", nullable);
    case "bigint":
      return one("bigint", nullable);
    case "double":
      return one("double precision", nullable);
    case "timestamp":
      return one("timestamptz", true);
    case "text map":
    case "number map":
    case "count map":
      return one("jsonb", false, "{}");
    case "text list":
      return one("jsonb", false, "[]");
    case "vector":
      return one("real[]", true);
    case "payload":
      return [
        { name: field.name, type: "json", nullable: true, blank: null },
        { name: `${field.name}_bytes`, type: "bytea", nullable: true, blank: null },
        { name: `${field.name}_content_type`, type: "text", nullable: true, blank: null },
      ];
  }
}
