import type { DescField, Message } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Payload } from "../../gen/holdfast/v1/payload_pb.js";
import { rawMembers } from "../core/raw-json.js";
import { timestampFromMicros } from "../core/time.js";
import { isUuid } from "../core/uuid.js";
import {
  checkRange,
  checkSize,
  checkText,
  countMapColumn,
  MAX_COLLECTION_SIZE,
  MAX_CONTENT_TYPE_LENGTH,
  MAX_ITEM_LENGTH,
  MAX_NAME_LENGTH,
  numberMapColumn,
  refuse,
  shown,
  textMapColumn,
  timestampColumn,
  type Violations,
  vectorColumn,
} from "./column-values.js";
import type { ColumnValue, FieldKind, Row, StoredField } from "./columns.js";
import type { EntityDeclaration } from "./declaration.js";
import { payloadFromStored, storedPayload } from "./stored-payload.js";

/** A message whose fields are reached by name; the descriptor vouches for their types. */
export type FieldBag = Message & Record<string, unknown>;

export interface FieldCodec {
  /**
   * Puts the field's columns into the row, adding to `violations` what is wrong
   * with it; the message is left as it will be read (ids in lower case, times
   * to the microsecond).
   */
  write(message: FieldBag, row: Row, violations: Violations): void;
  /** Sets the message's field from the row's columns. */
  read(row: Readonly<Row>, message: FieldBag): void;
}

/** How one field travels between message and row, decided once from its descriptor. */
export function fieldCodec(entity: EntityDeclaration, stored: StoredField): FieldCodec {
  const { field, at } = stored;
  const name = field.localName;
  if (stored.kind === "payload") return payloadCodec(field, at);
  const toColumn = columnWriter(entity, stored);
  const fromColumn = columnReader(stored.kind, field);
  // Whoever follows live sees the message as it was written: it must say what is stored.
  const isLossy = stored.kind === "reference" || stored.kind === "timestamp";
  return {
    write(message, row, violations) {
      row[at] = toColumn(message[name], violations);
      if (isLossy && violations.list.length === 0) {
        const value = row[at];
        if (value !== null && value !== undefined) message[name] = fromColumn(value);
      }
    },
    read(row, message) {
      const value = row[at];
      if (value !== null && value !== undefined) message[name] = fromColumn(value);
    },
  };
}

type ColumnWriter = (value: unknown, violations: Violations) => ColumnValue;

function columnWriter(entity: EntityDeclaration, { field, kind }: StoredField): ColumnWriter {
  const required = entity.required?.includes(field.name) ?? false;
  const maxLength = entity.maxLengths?.[field.name] ?? (kind === "name" ? MAX_NAME_LENGTH : undefined);
  switch (kind) {
    case "id":
    case "reference":
      return (value, violations) => {
        const text = value as string;
        if (text === "") {
          if (required || kind === "id") refuse(violations, field, "expected a UUID, got nothing");
          return null;
        }
        if (!isUuid(text)) refuse(violations, field, `expected a UUID, got ${shown(text)}`);
        return text.toLowerCase();
      };
    case "name":
    case "text":
      return (value, violations) => {
        const text = value as string;
        if (text === "" || text === undefined) {
          if (required) refuse(violations, field, "expected text, got nothing");
          return kind === "name" ? null : (text ?? null);
        }
        checkText(text, field, maxLength, violations);
        return text;
      };
    case "enum":
      return enumWriter(field, required);
    case "boolean":
      return (value) => (value as boolean | undefined) ?? null;
    case "integer":
    case "bigint":
    case "double":
      return (value, violations) => {
        if (value === undefined) return null;
        checkRange(value as number | bigint, entity, field, violations);
        return value as number | bigint;
      };
    case "timestamp":
      return (value, violations) => {
        if (value === undefined) {
          if (required) refuse(violations, field, "expected a time, got nothing");
          return null;
        }
        return timestampColumn(value as Timestamp, field, violations);
      };
    case "text map":
      return (value, violations) => textMapColumn(value as Record<string, string>, field, violations);
    case "number map":
      return (value, violations) => numberMapColumn(value as Record<string, number>, field, violations);
    case "count map":
      return (value, violations) => countMapColumn(value as Record<string, bigint>, field, violations);
    case "vector":
      return (value, violations) => vectorColumn(value as readonly number[], field, violations);
    case "text list":
      return (value, violations) => {
        const items = value as readonly string[];
        checkSize(items.length, MAX_COLLECTION_SIZE, field, violations);
        for (const item of items) checkText(item, field, MAX_ITEM_LENGTH, violations);
        return JSON.stringify(items);
      };
    case "payload":
      throw new TypeError(`${field} takes three columns`);
  }
}

function enumWriter(field: DescField, required: boolean): ColumnWriter {
  if (field.fieldKind !== "enum") throw new TypeError(`${field} is no enum`);
  const { enum: desc } = field;
  const prefix = desc.sharedPrefix?.toUpperCase() ?? "";
  const names = new Map(desc.values.map((value) => [value.number, value.name.slice(prefix.length)]));
  return (value, violations) => {
    const number = value as number;
    if (number === 0) {
      if (required) refuse(violations, field, `expected a ${desc.name}, got none`);
      return null;
    }
    const name = names.get(number);
    if (name === undefined) refuse(violations, field, `expected a ${desc.name}, got the number ${number}`);
    return name ?? null;
  };
}

/** What a message's field holds for a value of its column, which must not be null. */
export function columnReader(kind: FieldKind, field: DescField): (value: ColumnValue) => unknown {
  switch (kind) {
    case "timestamp":
      return (value) => timestampFromMicros(value as bigint);
    case "text map":
    case "text list":
      return (value) => JSON.parse(value as string);
    case "count map":
      return (value) =>
        Object.fromEntries([...rawMembers(value as string)].map(([key, count]) => [key, BigInt(count)]));
    case "vector":
      return (value) =>
        (value as string)
          .slice(1, -1)
          .split(",")
          .map((text) => Math.fround(Number(text)));
    case "number map":
      return (value) =>
        Object.fromEntries(
          Object.entries(JSON.parse(value as string) as Record<string, number | string>).map(
            ([key, number]) => [key, Number(number)],
          ),
        );
    case "enum": {
      if (field.fieldKind !== "enum") throw new TypeError(`${field} is no enum`);
      const prefix = field.enum.sharedPrefix?.toUpperCase() ?? "";
      const numbers = new Map(
        field.enum.values.map((value) => [value.name.slice(prefix.length), value.number]),
      );
      return (value) => numbers.get(value as string) ?? 0;
    }
    default:
      return (value) => value;
  }
}

function payloadCodec(field: DescField, at: number): FieldCodec {
  const name = field.localName;
  return {
    write(message, row, violations) {
      const payload = message[name] as Payload | undefined;
      if (payload === undefined) {
        row[at] = row[at + 1] = row[at + 2] = null;
        return;
      }
      checkText(payload.contentType, field, MAX_CONTENT_TYPE_LENGTH, violations, ".content_type");
      const stored = storedPayload(payload);
      row[at] = stored.json;
      row[at + 1] = stored.bytes;
      row[at + 2] = stored.contentType;
    },
    read(row, message) {
      const payload = payloadFromStored({
        json: row[at] as string | Uint8Array | null,
        bytes: row[at + 1] as Uint8Array | null,
        contentType: row[at + 2] as string | null,
      });
      if (payload) message[name] = payload;
    },
  };
}
