import { randomUUID } from "node:crypto";
import type { DescField } from "@bufbuild/protobuf";
import type { FieldBag } from "../../src/entities/field-codec.js";
import type { Fields } from "./entity-client.js";
import { present } from "./tenant.js";

/** A filter by one field that this record matches; undefined where the record has nothing to match. */
export function matchingFilter(field: DescField, record: FieldBag): Fields | undefined {
  const value = filtered(field, record);
  if (value === undefined && field.fieldKind === "list") return undefined;
  return { [field.localName]: field.name.endsWith("_before") ? later(value) : (value ?? true) };
}

/** One that it does not match; undefined where there is none. */
export function mismatchingFilter(field: DescField, record: FieldBag): Fields | undefined {
  const value = filtered(field, record);
  const { localName: name } = field;
  if (field.name.endsWith("_from")) return { [name]: later(value) };
  if (field.name.endsWith("_before")) return { [name]: value };
  if (field.fieldKind === "map") return { [name]: { ...(value as object), other: "1" } };
  if (field.fieldKind === "enum" || field.fieldKind === "message") return undefined;
  if (field.fieldKind === "list") return listMismatch(field, (value ?? []) as readonly unknown[]);
  if (typeof value === "boolean") return { [name]: !value };
  return typeof value === "number" ? { [name]: value + 0.001 } : undefined;
}

/** Filters by this field that mean nothing. */
export function wrongFilters(field: DescField): readonly Fields[] {
  const { localName: name } = field;
  if (field.fieldKind === "map") return [{ [name]: { "a\0": "" } }, { [name]: { a: "\0" } }];
  if (field.message) {
    return [{ [name]: { seconds: 253_402_300_800n } }, { [name]: { seconds: 0n, nanos: -1 } }];
  }
  if (field.fieldKind !== "list") return [];
  if (field.enum) return [{ [name]: [0] }, { [name]: [99] }, { [name]: [-1] }];
  return [{ [name]: ["\0"] }, { [name]: Array.from({ length: 101 }, () => randomUUID()) }];
}

/** The value of the record that a filter field is about; undefined for one that is about none. */
function filtered(field: DescField, record: FieldBag): unknown {
  const own = record[field.localName];
  if (own !== undefined && own !== "") return own;
  const range = /^(?:min_)?(.+?)(?:_from|_before)?$/.exec(field.name)?.[1] ?? "";
  if (record[camel(range)] !== undefined) return record[camel(range)];
  const single = [/s$/, /es$/].map((plural) => record[camel(field.name.replace(plural, ""))]);
  const value = single.find((each) => each !== undefined);
  return value === undefined || value === "" ? undefined : [value];
}

function listMismatch(field: DescField, [value]: readonly unknown[]): Fields {
  if (!field.enum) return { [field.localName]: [randomUUID()] };
  const others = field.enum.values.map(({ number }) => number).filter((each) => each !== 0 && each !== value);
  return { [field.localName]: others };
}

function later(time: unknown): Fields {
  const { seconds } = present(time as { seconds: bigint } | undefined);
  return { seconds: seconds + 3600n, nanos: 0 };
}

function camel(snake: string): string {
  return snake.replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase());
}
