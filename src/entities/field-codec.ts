import { create, type DescField, type Message } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Payload, PayloadSchema } from "../../gen/holdfast/v1/payload_pb.js";
import type { FieldViolation } from "../core/errors.js";
import { isTimestampInRange, microsFromTimestamp, timestampFromMicros } from "../core/time.js";
import { isUuid } from "../core/uuid.js";
import type { ColumnValue, FieldKind, Row, StoredField } from "./columns.js";
import type { EntityDeclaration } from "./declaration.js";
import { payloadFromStored, storedPayload } from "./stored-payload.js";

/** Names a caller gives: long enough for any identifier, short enough for a btree index. */
export const MAX_NAME_LENGTH = 200;
/** Entries in a map or list field: labels and tags are for filtering, not for content. */
export const MAX_COLLECTION_SIZE = 64;
/** Characters of a map key, and of a value or list item. */
export const MAX_KEY_LENGTH = 100;
export const MAX_ITEM_LENGTH = 1000;
/** RFC 6838 allows 127 for each half of a media type. */
const MAX_CONTENT_TYPE_LENGTH = 255;

const MAX_SHOWN_LENGTH = 80;

/** A message whose fields are reached by name; the descriptor vouches for their types. */
export type FieldBag = Message & Record<string, unknown>;

/** Collects what is wrong with a record as it is read. */
export interface Violations {
  readonly path: string;
  readonly list: FieldViolation[];
}

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
    case "double":
      return (value, violations) => {
        if (value === undefined) return null;
        checkRange(value as number, entity, field, violations);
        return value as number;
      };
    case "bigint":
      return (value) => (value as bigint | undefined) ?? null;
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
    case "text list":
      return (value, violations) => {
        const items = value as readonly string[];
        checkSize(items.length, field, violations);
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

function columnReader(kind: FieldKind, field: DescField): (value: ColumnValue) => unknown {
  switch (kind) {
    case "timestamp":
      return (value) => timestampFromMicros(value as bigint);
    case "text map":
    case "text list":
      return (value) => JSON.parse(value as string);
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
      if (payload) message[name] = create(PayloadSchema, payload);
    },
  };
}

function timestampColumn(value: Timestamp, field: DescField, violations: Violations): bigint {
  if (!isTimestampInRange(value)) {
    const got = `${value.seconds} seconds and ${value.nanos} nanos`;
    refuse(violations, field, `expected a time in the years 1 to 9999, got ${got}`);
    return 0n;
  }
  return microsFromTimestamp(value);
}

// Keys are sorted, so that the same map in any order is the same content.
function textMapColumn(map: Record<string, string>, field: DescField, violations: Violations): string {
  const keys = Object.keys(map);
  if (keys.length === 0) return "{}";
  checkSize(keys.length, field, violations);
  const members = keys.sort().map((key) => {
    const value = map[key] ?? "";
    checkText(key, field, MAX_KEY_LENGTH, violations);
    checkText(value, field, MAX_ITEM_LENGTH, violations);
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  return `{${members.join(",")}}`;
}

function numberMapColumn(map: Record<string, number>, field: DescField, violations: Violations): string {
  const keys = Object.keys(map);
  if (keys.length === 0) return "{}";
  checkSize(keys.length, field, violations);
  const members = keys.sort().map((key) => {
    const value = map[key] ?? 0;
    checkText(key, field, MAX_KEY_LENGTH, violations);
    return `${JSON.stringify(key)}:${numberText(value)}`;
  });
  return `{${members.join(",")}}`;
}

// What JSON has no number for, proto JSON writes as a string: "NaN", "Infinity";
// jsonb has no negative zero either.
function numberText(value: number): string {
  if (Object.is(value, -0)) return '"-0"';
  return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
}

function checkText(
  text: string,
  field: DescField,
  maxLength: number | undefined,
  violations: Violations,
  subfield = "",
): void {
  if (text.includes("\0")) {
    refuse(violations, field, "expected text without NUL (U+0000); a payload can hold it", subfield);
  }
  if (maxLength !== undefined && text.length > maxLength) {
    refuse(violations, field, `expected at most ${maxLength} characters, got ${text.length}`, subfield);
  }
}

function checkSize(size: number, field: DescField, violations: Violations): void {
  if (size > MAX_COLLECTION_SIZE) {
    refuse(violations, field, `expected at most ${MAX_COLLECTION_SIZE} entries, got ${size}`);
  }
}

function checkRange(
  value: number,
  entity: EntityDeclaration,
  field: DescField,
  violations: Violations,
): void {
  const range = entity.ranges?.[field.name];
  // Written so that NaN is outside every range.
  if (range && !(value >= range[0] && value <= range[1])) {
    refuse(violations, field, `expected ${range[0]} to ${range[1]}, got ${value}`);
  }
}

function refuse(violations: Violations, field: DescField, description: string, subfield = ""): void {
  violations.list.push({ field: `${violations.path}${field.name}${subfield}`, description });
}

function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text);
}
