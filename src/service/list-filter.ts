import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type FieldViolation, invalidFields } from "../core/errors.js";
import { isTimestampInRange, microsFromTimestamp } from "../core/time.js";
import { isUuid } from "../core/uuid.js";
import type { Column } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { ListCondition } from "../store/list-query.js";

/** Values of one filter field: each is a part of an index to read. */
const MAX_FILTER_VALUES = 100;

/** Turns filter messages of one entity into conditions. */
export type ListFilter = (filter: FieldBag | undefined) => readonly ListCondition[];

type Reader = (value: unknown, violations: FieldViolation[]) => ListCondition | undefined;

/**
 * Reads a filter message's descriptor once: what each field means follows from
 * its name and type and the columns of the entity.
 *
 * `<column>s` any of these, `<column>_from` and `<column>_before` a range of
 * time, `min_<column>` at least, a map or list named as its column: contains; an
 * optional bool named as its column: is; `include_deleted`,
 * which shows what has expired too.
 *
 * @throws TypeError for a field that means none of these: the proto is wrong.
 */
export function createListFilter(codec: EntityCodec, filter: DescMessage): ListFilter {
  const readers = filter.fields
    .filter((field) => field.name !== "include_deleted")
    .map((field) => [field.localName, fieldReader(codec, field)] as const);
  const { expireTime } = codec.entity;
  const hidesDeleted = codec.entity.nature === "state";
  return (message) => {
    const violations: FieldViolation[] = [];
    const conditions: ListCondition[] = [];
    if (hidesDeleted && message?.includeDeleted !== true) {
      conditions.push({ kind: "not deleted" });
      if (expireTime) conditions.push({ kind: "not expired", column: expireTime });
    }
    for (const [name, read] of message ? readers : []) {
      const condition = read(message?.[name], violations);
      if (condition) conditions.push(condition);
    }
    if (violations.length > 0) throw invalidFields(violations);
    return conditions;
  };
}

function fieldReader(codec: EntityCodec, field: DescField): Reader {
  const column = (name: string) => codec.columns.find((candidate) => candidate.name === name);
  const own = column(field.name);
  if (own?.type === "jsonb") return contains(field, own.name);
  if (field.fieldKind === "list") {
    const listed = column(field.name.replace(/s$/, "")) ?? column(field.name.replace(/es$/, ""));
    if (listed) return anyReader(field, listed);
  }
  if (own?.type === "boolean") {
    return (value) =>
      value === undefined ? undefined : { kind: "is", column: own.name, value: value as boolean };
  }
  const range = /^(.+)_(from|before)$/.exec(field.name);
  if (range?.[1] && field.message?.typeName === "google.protobuf.Timestamp") {
    const [, name, kind] = range;
    return timeReader(field, name as string, kind as "from" | "before");
  }
  const least = column(field.name.replace(/^min_/, ""));
  if (least && least.type === "double precision") {
    return (value) =>
      value === undefined ? undefined : { kind: "at least", column: least.name, value: value as number };
  }
  throw new TypeError(`${field}: nothing says what this filters by`);
}

function anyReader(field: DescField, column: Column): Reader {
  const isEnum = field.fieldKind === "list" && field.listKind === "enum";
  return (value, violations) => {
    const given = value as readonly (string | number)[];
    if (given.length === 0) return undefined;
    const path = `filter.${field.name}`;
    if (given.length > MAX_FILTER_VALUES) {
      const description = `expected at most ${MAX_FILTER_VALUES} values, got ${given.length}`;
      violations.push({ field: path, description });
      return undefined;
    }
    const values = given.map((item, i) =>
      isEnum
        ? enumName(field, item as number, `${path}[${i}]`, violations)
        : checked(column, item as string, `${path}[${i}]`, violations),
    );
    return { kind: "any", column: column.name, type: column.type, values };
  };
}

function checked(column: Column, text: string, path: string, violations: FieldViolation[]): string {
  if (column.type === "uuid" && !isUuid(text)) {
    violations.push({
      field: path,
      description: `expected a UUID, got ${JSON.stringify(text.slice(0, 80))}`,
    });
  }
  checkText(text, path, violations);
  return text;
}

function checkText(text: string, path: string, violations: FieldViolation[]): void {
  if (text.includes("\0"))
    violations.push({ field: path, description: "expected text without NUL (U+0000)" });
}

function enumName(field: DescField, number: number, path: string, violations: FieldViolation[]): string {
  const value = field.enum?.value[number];
  if (number === 0 || value === undefined) {
    violations.push({ field: path, description: `expected a ${field.enum?.name}, got the number ${number}` });
    return "";
  }
  return value.name.slice(field.enum?.sharedPrefix?.length ?? 0);
}

function contains(field: DescField, column: string): Reader {
  return (value, violations) => {
    const texts = Array.isArray(value) ? value : Object.entries(value as object).flat();
    if (texts.length === 0) return undefined;
    if (texts.length > MAX_FILTER_VALUES) {
      const description = `expected at most ${MAX_FILTER_VALUES} values, got ${texts.length}`;
      violations.push({ field: `filter.${field.name}`, description });
    }
    // All at once: it is one field however many of its texts are at fault.
    checkText(texts.join(""), `filter.${field.name}`, violations);
    return { kind: "contains", column, json: JSON.stringify(value) };
  };
}

function timeReader(field: DescField, column: string, kind: "from" | "before"): Reader {
  return (value, violations) => {
    if (value === undefined) return undefined;
    const time = value as Timestamp;
    if (isTimestampInRange(time)) return { kind, column, micros: microsFromTimestamp(time) };
    const got = `${time.seconds} seconds and ${time.nanos} nanos`;
    const description = `expected a time in the years 1 to 9999, got ${got}`;
    violations.push({ field: `filter.${field.name}`, description });
    return undefined;
  };
}
