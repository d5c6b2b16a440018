import { create, type DescField, ScalarType, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { propertyRuns } from "../../test/support/property-runs.js";
import { WireWriter } from "../core/wire-writer.js";
import type { Row } from "./columns.js";
import type { EntityDeclaration } from "./declaration.js";
import { createEntityCodec } from "./entity-codec.js";
import type { FieldBag } from "./field-codec.js";
import { entities } from "./registry.js";
import { recordFromStored } from "./stored-record.js";

const text = fc.oneof(
  fc.constantFrom("", "result", "ä", "😀", "x".repeat(127), "x".repeat(128), "ä".repeat(100)),
  fc.string({ unit: "grapheme", maxLength: 200 }),
);
const int64 = fc.oneof(
  fc.constantFrom(0n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
);
const double = fc.oneof(
  fc.constantFrom<number>(0, -0, 0.5, Number.NaN, Number.NEGATIVE_INFINITY),
  fc.double(),
);
/** The years 1 to 9999. */
const micros = fc.oneof(
  fc.constantFrom(0n, -1n, 1_000_000n, 1_732_300_000_123_456n),
  fc.bigInt(-62_135_596_800_000_000n, 253_402_300_799_999_999n),
);
const payload = fc.record({
  data: fc.oneof(
    fc.json().map((json): Uint8Array => Buffer.from(json)),
    fc.uint8Array({ maxLength: 300 }),
    fc.constant(new Uint8Array(20_000)),
  ),
  contentType: fc.constantFrom("application/json", "", "text/plain"),
});
const timestamp = micros.map((each) => ({
  seconds: each / 1_000_000n - (each % 1_000_000n < 0n ? 1n : 0n),
  nanos: Number(((each % 1_000_000n) + 1_000_000n) % 1_000_000n) * 1000,
}));

/** Any value of a field's type that may be stored. */
function anyValue(field: DescField): fc.Arbitrary<unknown> {
  if (field.fieldKind === "map") {
    const members: Partial<Record<ScalarType, fc.Arbitrary<unknown>>> = {
      [ScalarType.STRING]: text,
      [ScalarType.DOUBLE]: double,
      [ScalarType.INT64]: int64,
    };
    return fc.dictionary(fc.oneof(text, fc.constantFrom("1", "constructor")), anyOf(members, field.scalar));
  }
  if (field.fieldKind === "list") {
    return fc.array<unknown>(field.scalar === ScalarType.FLOAT ? fc.float({ noNaN: true }) : text);
  }
  if (field.fieldKind === "enum") return fc.constantFrom(...field.enum.values.map(({ number }) => number));
  if (field.fieldKind === "message") return field.message.name === "Payload" ? payload : timestamp;
  if (field.name.endsWith("_id") && field.name !== "agent_id") return fc.oneof(fc.constant(""), fc.uuid());
  const values: Partial<Record<ScalarType, fc.Arbitrary<unknown>>> = {
    [ScalarType.STRING]: text,
    [ScalarType.BOOL]: fc.boolean(),
    [ScalarType.INT32]: fc.oneof(fc.constant(0), fc.integer()),
    [ScalarType.INT64]: int64,
    [ScalarType.DOUBLE]: double,
  };
  return anyOf(values, field.scalar);
}

function anyOf(
  values: Partial<Record<ScalarType, fc.Arbitrary<unknown>>>,
  scalar: ScalarType | undefined,
): fc.Arbitrary<unknown> {
  const value = values[scalar as ScalarType];
  if (!value) throw new TypeError(`no values for the scalar type ${scalar}`);
  return value;
}

function messages({ message }: EntityDeclaration): fc.Arbitrary<FieldBag> {
  const fields = Object.fromEntries(message.fields.map((field) => [field.localName, anyValue(field)]));
  return fc
    .record({ ...fields, id: fc.uuid() }, { requiredKeys: ["id"] })
    .map((init) => create(message, init as never) as FieldBag);
}

/** As pg reads it: json as text. */
function asRead(row: Row, columns: readonly { readonly type: string }[]): Row {
  return row.map((value, i) =>
    columns[i]?.type === "json" && value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  );
}

const writer = new WireWriter();

describe.each(entities.map((entity) => [entity.name, entity] as const))("the bytes of a %s", (_, entity) => {
  const codec = createEntityCodec(entity);

  test("are those of its message, whether its row was just written or read back", () => {
    const position = fc.bigInt(1n, 2n ** 63n - 1n);
    fc.assert(
      fc.property(messages(entity), position, micros, micros, (message, position, createMicros, updated) => {
        // What may not be stored does not matter here, only what stands in the row.
        const row = codec.toRow(message, { path: "", list: [] });
        const updateMicros = entity.nature === "state" ? updated : undefined;
        for (const each of [row, asRead(row, codec.columns)]) {
          const stored = { row: each, position, createMicros, updateMicros };
          codec.write(writer, stored);
          const bytes = writer.finish();
          const expected = toBinary(entity.message, recordFromStored(codec, stored) as never);
          expect(bytes.toString("hex")).toBe(Buffer.from(expected).toString("hex"));
        }
      }),
      { numRuns: propertyRuns(200) },
    );
  });
});
