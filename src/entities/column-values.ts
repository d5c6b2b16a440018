import type { DescField } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../core/errors.js";
import { isTimestampInRange, microsFromTimestamp } from "../core/time.js";
import type { EntityDeclaration } from "./declaration.js";

/** Names a caller gives: long enough for any identifier, short enough for a btree index. */
export const MAX_NAME_LENGTH = 200;
/** Entries in a map or list of text: labels and tags are for filtering, not for content. */
export const MAX_COLLECTION_SIZE = 64;
/** Entries in a map of numbers, which may be learned scores: the row is rewritten with each change of one. */
export const MAX_NUMBERS = 10_000;
/** Characters of a map key, and of a value or list item. */
export const MAX_KEY_LENGTH = 100;
export const MAX_ITEM_LENGTH = 1000;
/** Numbers of an embedding: the largest models in use make 4096. */
const MAX_VECTOR_LENGTH = 4096;
/** RFC 6838 allows 127 for each half of a media type. */
export const MAX_CONTENT_TYPE_LENGTH = 255;

const MAX_SHOWN_LENGTH = 80;

/** Collects what is wrong with a record as it is read. */
export interface Violations {
  readonly path: string;
  readonly list: FieldViolation[];
}

export function timestampColumn(value: Timestamp, field: DescField, violations: Violations): bigint {
  if (!isTimestampInRange(value)) {
    const got = `${value.seconds} seconds and ${value.nanos} nanos`;
    refuse(violations, field, `expected a time in the years 1 to 9999, got ${got}`);
    return 0n;
  }
  return microsFromTimestamp(value);
}

export function textMapColumn(map: Record<string, string>, field: DescField, violations: Violations): string {
  return mapColumn(map, MAX_COLLECTION_SIZE, field, violations, (value) => {
    checkText(value, field, MAX_ITEM_LENGTH, violations);
    return JSON.stringify(value);
  });
}

export function numberMapColumn(
  map: Record<string, number>,
  field: DescField,
  violations: Violations,
): string {
  return mapColumn(map, MAX_NUMBERS, field, violations, numberText);
}

export function countMapColumn(
  map: Record<string, bigint>,
  field: DescField,
  violations: Violations,
): string {
  return mapColumn(map, MAX_NUMBERS, field, violations, String);
}

// Keys are sorted, so that the same map in any order is the same content.
function mapColumn<V>(
  map: Record<string, V>,
  max: number,
  field: DescField,
  violations: Violations,
  valueText: (value: V) => string,
): string {
  const keys = Object.keys(map);
  if (keys.length === 0) return "{}";
  checkSize(keys.length, max, field, violations);
  const members = keys.sort().map((key) => {
    checkText(key, field, MAX_KEY_LENGTH, violations);
    return `${JSON.stringify(key)}:${valueText(map[key] as V)}`;
  });
  return `{${members.join(",")}}`;
}

// What JSON has no number for, proto JSON writes as a string: "NaN", "Infinity";
// jsonb has no negative zero either.
function numberText(value: number): string {
  if (Object.is(value, -0)) return '"-0"';
  return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
}

export function vectorColumn(
  vector: readonly number[],
  field: DescField,
  violations: Violations,
): string | null {
  if (vector.length === 0) return null;
  if (vector.length > MAX_VECTOR_LENGTH) {
    refuse(violations, field, `expected at most ${MAX_VECTOR_LENGTH} numbers, got ${vector.length}`);
  }
  if (!vector.every(Number.isFinite)) refuse(violations, field, "expected finite numbers, got others");
  return `{${vector.map(Math.fround).join(",")}}`;
}

export function checkText(
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

export function checkSize(size: number, most: number, field: DescField, violations: Violations): void {
  if (size > most) refuse(violations, field, `expected at most ${most} entries, got ${size}`);
}

export function checkRange(
  value: number | bigint,
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

export function refuse(violations: Violations, field: DescField, description: string, subfield = ""): void {
  violations.list.push({ field: `${violations.path}${field.name}${subfield}`, description });
}

export function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text);
}
