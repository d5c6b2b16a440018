import { randomUUID } from "node:crypto";
import type { DescField } from "@bufbuild/protobuf";
import { ConfigurationLayer } from "../../gen/holdfast/v1/configuration_pb.js";
import { type StoredField, storedFields } from "../../src/entities/columns.js";
import type { EntityDeclaration } from "../../src/entities/declaration.js";
import type { Fields } from "./entity-client.js";
import { payload } from "./entries.js";

/** What the descriptor and declaration of an entity cannot say of its valid content, by local name. */
const SPECIAL: Readonly<Record<string, Fields>> = {
  // What they name must exist.
  goal: { parentGoalId: "", dependsOn: [] },
  session: { parentSessionId: "" },
  // Its value would be withheld, and its schema must be one.
  configuration: { isSecret: false, schema: payload("{}"), layer: ConfigurationLayer.AGENT },
};

const SET_BY_HOLDFAST = ["revision", "delete_time"];

/** The fields a caller may give a new thing. */
export function givenFields(entity: EntityDeclaration): readonly StoredField[] {
  return storedFields(entity).filter(
    ({ field }) => !SET_BY_HOLDFAST.includes(field.name) && !entity.outputOnly?.includes(field.name),
  );
}

/** Valid content with every field set that a caller may set at creation; another seed, other values. */
export function sample(entity: EntityDeclaration, seed = 1): Fields {
  const fields: Fields = {};
  for (const stored of givenFields(entity)) {
    if (stored.field.name === entity.lifecycle?.field) continue;
    fields[stored.field.localName] = value(entity, stored, seed);
  }
  return { ...fields, sessionId: "", ...SPECIAL[entity.name] };
}

/** The fields an update may name without a lifecycle's consent. */
export function freelyUpdatable(entity: EntityDeclaration): readonly DescField[] {
  return entity.message.fields.filter(
    ({ name }) => entity.updatable?.includes(name) && name !== entity.lifecycle?.field,
  );
}

function value(entity: EntityDeclaration, { field, kind }: StoredField, seed: number): unknown {
  const [least, most] = entity.ranges?.[field.name] ?? [0, 1000];
  switch (kind) {
    case "id":
    case "reference":
      return randomUUID();
    case "name":
      return field.name === "external_id" ? `name ${randomUUID()}` : `agent-${seed}`;
    case "text":
      return entity.uniqueKey?.includes(field.name) ? `key ${randomUUID()}` : `${field.name} ${seed}`;
    case "enum":
      // The last ones: the first may stand for more than itself, as a layer or a working memory does.
      return field.enum?.values.at(-1 - (seed % 2))?.number;
    case "boolean":
      return true;
    case "integer":
      return Math.min(most, least + seed);
    case "bigint":
      return BigInt(Math.min(most, least + seed));
    case "double":
      return least + (most - least) / Math.max(1, most - least) / (seed + 1);
    case "timestamp":
      return {
        seconds: (field.name === entity.expireTime ? 4_000_000_000n : 1_700_000_000n) + BigInt(seed),
        nanos: 123_456_000,
      };
    case "text map":
      return { common: "yes", seed: String(seed) };
    case "number map":
      return { zero: 0, seed: 1 / seed };
    case "count map":
      return { seed: BigInt(seed) };
    case "text list":
      return ["common", `item ${seed}`];
    case "vector":
      return [0.5, seed, -0.25];
    case "payload":
      return payload(`{"seed": ${seed}, "seed": "\\u0000"}`);
  }
}

/** Values that are wrong for a field whatever the rest of the thing is. */
export function wrongValues(
  entity: EntityDeclaration,
  { field, kind }: StoredField,
): readonly (readonly [what: string, value: unknown])[] {
  const range = entity.ranges?.[field.name];
  const maxLength = entity.maxLengths?.[field.name] ?? (kind === "name" ? 200 : undefined);
  const isRequired = entity.required?.includes(field.name);
  const many = (count: number, item: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, item]));
  switch (kind) {
    case "id":
    case "reference":
      return [
        ["no UUID", "x"],
        ["a UUID in braces", `{${randomUUID()}}`],
        ["NUL", "\0"],
      ];
    case "name":
    case "text":
      return [
        ["NUL", "a\0b"],
        ...(maxLength ? [["too long", "x".repeat(maxLength + 1)] as const] : []),
        ...(isRequired ? [["nothing", ""] as const] : []),
      ];
    case "enum":
      return [
        ["an unknown number", 99],
        ["a negative number", -1],
        ...(isRequired ? [["nothing", 0] as const] : []),
      ];
    case "integer":
      return range ? [["too little", range[0] - 1]] : [];
    case "bigint":
      return range
        ? [
            ["too little", BigInt(range[0]) - 1n],
            ["too much", BigInt(range[1]) + 1n],
          ]
        : [];
    case "double":
      return range
        ? [
            ["too little", range[0] - 1],
            ["too much", Number.POSITIVE_INFINITY],
            ["no number", Number.NaN],
          ]
        : [];
    case "timestamp":
      return [
        ["the year 10000", { seconds: 253_402_300_800n, nanos: 0 }],
        ["the year 0", { seconds: -62_135_596_801n, nanos: 0 }],
        ["negative nanos", { seconds: 0n, nanos: -1 }],
      ];
    case "text map":
      return [
        ["NUL in a key", { "a\0": "" }],
        ["NUL in a value", { a: "\0" }],
        ["a long key", { ["x".repeat(101)]: "" }],
        ["a long value", { a: "x".repeat(1001) }],
        ["too many entries", many(65, "")],
      ];
    case "number map":
    case "count map": {
      const item = kind === "number map" ? 1 : 1n;
      return [
        ["NUL in a key", { "a\0": item }],
        ["a long key", { ["x".repeat(101)]: item }],
        ["too many entries", many(10_001, item)],
      ];
    }
    case "text list":
      return [
        ["NUL in an item", ["a", "\0"]],
        ["a long item", ["x".repeat(1001)]],
        ["too many items", Object.keys(many(65, ""))],
      ];
    case "vector":
      return [
        ["too many numbers", Array.from({ length: 4097 }, () => 1)],
        ["no number", [Number.NaN]],
      ];
    case "payload":
      return [
        ["NUL in its type", payload("{}", "a\0")],
        ["a long type", payload("{}", "x".repeat(256))],
      ];
    case "boolean":
      return [];
  }
}
