import { create, type DescField, ScalarType } from "@bufbuild/protobuf";
import type { WireReader } from "../core/wire-reader.js";
import { MAX_NUMBERS, type Violations } from "./column-values.js";
import { type Row, type StoredField, storedFields } from "./columns.js";
import type { EntityDeclaration } from "./declaration.js";
import { type FieldBag, type FieldCodec, fieldCodec } from "./field-codec.js";
import { KnownTexts } from "./known-texts.js";

/**
 * The row of an encoded message that the reader stands at, as `toRow` makes it
 * of the message decoded, its id null if there is none. Undefined for whatever is wrong with it or merely
 * unusual (a field given twice, unknown, or not the caller's to set): the message is then to be
 * decoded, and says what it is.
 */
export type WireRowReader = (reader: WireReader) => Row | undefined;

/** Reads one field into the row; false to give up. */
type FieldReader = (reader: WireReader, row: Row) => boolean;

interface Slot {
  /** As many bytes as a tag takes in these messages: fields up to 15 take one, up to 2047 two. */
  readonly tag: number;
  readonly bit: number;
  readonly read: FieldReader;
  /** Whether it may come several times, as a map does. */
  readonly isMany: boolean;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
/** Fields are marked as seen in the bits of one number. */
const MAX_FIELDS = 31;

/**
 * Compiles the reader of an entity's messages, for entries that are streamed
 * in: decoding them to messages and those to rows costs twice as much, and leaves the message behind.
 * Undefined where there cannot be one.
 */
export function createWireRowReader(entity: EntityDeclaration): WireRowReader | undefined {
  const fields = storedFields(entity);
  if (entity.nature !== "append" || fields.length > MAX_FIELDS) return undefined;
  const violations: Violations = { path: "", list: [] };
  const blank: Row = [];
  let required = 0;
  const slots: Slot[] = [];
  const maps: { readonly bit: number; finish(row: Row): void; clear(): void }[] = [];
  for (const [index, stored] of fields.entries()) {
    const bit = 1 << index;
    const codec = fieldCodec(entity, stored);
    codec.write(create(entity.message) as FieldBag, blank, violations);
    if (stored.kind === "id") blank[stored.at] = null;
    else if (violations.list.length > 0) required |= bit;
    violations.list.length = 0;
    if (entity.outputOnly?.includes(stored.field.name)) continue;
    if (stored.kind === "text map" || stored.kind === "number map") {
      const map = mapReader(codec, stored, violations);
      maps.push({ bit, ...map });
      slots.push({ tag: tagOf(stored.field, LENGTH_DELIMITED), bit, read: map.read, isMany: true });
      continue;
    }
    const read = fieldReader(entity, codec, stored, violations);
    if (read) slots.push({ ...read, bit, isMany: false });
  }
  const byTag: (Slot | undefined)[] = [];
  for (const slot of slots) byTag[slot.tag] = slot;

  return (reader) => {
    const row = blank.slice();
    let seen = 0;
    while (reader.at < reader.end) {
      const slot = byTag[reader.varint()];
      if (!slot || ((seen & slot.bit) !== 0 && !slot.isMany)) return undefined;
      if ((seen & slot.bit) === 0 && slot.isMany)
        for (const map of maps) if (map.bit === slot.bit) map.clear();
      seen |= slot.bit;
      if (!slot.read(reader, row)) return undefined;
    }
    if ((seen & required) !== required || reader.at !== reader.end) return undefined;
    for (const map of maps) if ((seen & map.bit) !== 0) map.finish(row);
    return isSound(violations) ? row : undefined;
  };
}

/** Whether nothing was found wrong; the list is then, and otherwise, empty again. */
function isSound({ list }: Violations): boolean {
  if (list.length === 0) return true;
  list.length = 0;
  return false;
}

function tagOf(field: DescField, wireType: number): number {
  return (field.number << 3) | wireType;
}

/** Undefined for kinds that are left to the general decoder. */
function fieldReader(
  entity: EntityDeclaration,
  codec: FieldCodec,
  { field, kind, at }: StoredField,
  violations: Violations,
): { readonly tag: number; readonly read: FieldReader } | undefined {
  // What a codec takes its value from: a message of this field alone, used again and again.
  const bag = {} as FieldBag;
  const name = field.localName;
  const write = (value: unknown, row: Row): boolean => {
    bag[name] = value;
    codec.write(bag, row, violations);
    return isSound(violations);
  };
  switch (kind) {
    case "id":
      return {
        tag: tagOf(field, LENGTH_DELIMITED),
        read(reader, row) {
          const end = reader.delimited();
          const text = end < 0 ? undefined : reader.text(end);
          return text !== undefined && text !== "" && write(text, row);
        },
      };
    case "reference":
    case "name":
    case "text": {
      // What is limited in length repeats, save the name that is each entry's own; content does not.
      const repeats = kind !== "text" || entity.maxLengths?.[field.name] !== undefined;
      const known = repeats && field.name !== "external_id" ? new KnownTexts() : undefined;
      return {
        tag: tagOf(field, LENGTH_DELIMITED),
        read(reader, row) {
          const end = reader.delimited();
          if (end < 0) return false;
          const before = known?.find(reader.bytes, reader.at, end);
          if (before !== undefined) {
            row[at] = before;
            reader.at = end;
            return true;
          }
          const from = reader.at;
          const text = reader.text(end);
          if (text === undefined || !write(text, row)) return false;
          known?.add(reader.bytes, from, end, row[at] ?? null);
          return true;
        },
      };
    }
    case "enum":
    case "integer":
      return {
        tag: tagOf(field, VARINT),
        read(reader, row) {
          const value = reader.varint();
          return value >= 0 && value <= 0x7fffffff && write(value, row);
        },
      };
    case "boolean":
      return {
        tag: tagOf(field, VARINT),
        read(reader, row) {
          const value = reader.varint();
          return (value === 0 || value === 1) && write(value === 1, row);
        },
      };
    case "bigint":
      return {
        tag: tagOf(field, VARINT),
        read(reader, row) {
          const value = reader.varint();
          return value >= 0 && write(BigInt(value), row);
        },
      };
    case "double":
      return {
        tag: tagOf(field, FIXED64),
        read(reader, row) {
          const value = reader.double();
          return value !== undefined && write(value, row);
        },
      };
    case "timestamp":
      return {
        tag: tagOf(field, LENGTH_DELIMITED),
        read(reader, row) {
          const time = { seconds: 0n, nanos: 0 };
          return (
            nested(reader, (tag) => {
              const value = reader.varint();
              if (tag === 0x08) time.seconds = BigInt(value);
              else if (tag === 0x10) time.nanos = value;
              return value >= 0 && (tag === 0x08 || tag === 0x10);
            }) && write(time, row)
          );
        },
      };
    case "payload": {
      const known = new KnownTexts();
      return {
        tag: tagOf(field, LENGTH_DELIMITED),
        read(reader, row) {
          const payload: { data: Uint8Array; contentType: string } = { data: EMPTY, contentType: "" };
          return (
            nested(reader, (tag) => {
              const end = reader.delimited();
              if (end < 0) return false;
              if (tag === 0x0a) {
                payload.data = reader.view(end);
                return true;
              }
              if (tag !== 0x12) return false;
              const text = known.find(reader.bytes, reader.at, end);
              if (typeof text === "string") {
                payload.contentType = text;
                reader.at = end;
                return true;
              }
              const from = reader.at;
              const read = reader.text(end);
              if (read === undefined) return false;
              known.add(reader.bytes, from, end, read);
              payload.contentType = read;
              return true;
            }) && write(payload, row)
          );
        },
      };
    }
    default:
      return undefined;
  }
}

const EMPTY = Buffer.alloc(0);

/** Reads the fields of a message within the message; a field given twice is as usual as none here. */
function nested(reader: WireReader, read: (tag: number) => boolean): boolean {
  const end = reader.delimited();
  if (end < 0) return false;
  const outer = reader.end;
  reader.end = end;
  let last = 0;
  let isRead = true;
  while (isRead && reader.at < end) {
    const tag = reader.varint();
    // In the order of their numbers, each once: as every encoder writes them.
    isRead = tag > last && read(tag);
    last = tag;
  }
  reader.end = outer;
  return isRead;
}

function mapReader(codec: FieldCodec, { field }: StoredField, violations: Violations) {
  const bag = {} as FieldBag;
  const isText = field.fieldKind === "map" && field.scalar === ScalarType.STRING;
  let map: Record<string, unknown> = {};
  let count = 0;
  return {
    clear() {
      map = {};
      count = 0;
    },
    read(reader: WireReader): boolean {
      reader.elements += 1;
      count += 1;
      if (count > MAX_NUMBERS) return false;
      let key: string | undefined = "";
      let value: string | number | undefined = isText ? "" : 0;
      const isRead = nested(reader, (tag) => {
        if (tag === 0x11 && !isText) {
          value = reader.double();
          return value !== undefined;
        }
        const end = reader.delimited();
        if (end < 0) return false;
        if (tag === 0x0a) key = reader.text(end);
        else if (tag === 0x12 && isText) value = reader.text(end);
        else return false;
        return key !== undefined && value !== undefined;
      });
      // An ordinary object would take it for its prototype.
      if (!isRead || key === "__proto__") return false;
      map[key as string] = value;
      return true;
    },
    finish(row: Row) {
      bag[field.localName] = map;
      codec.write(bag, row, violations);
    },
  };
}
