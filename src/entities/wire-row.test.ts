import { randomUUID } from "node:crypto";
import { create, type DescField, fromBinary, ScalarType, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyCharacter } from "../../test/support/any-character.js";
import { propertyRuns } from "../../test/support/property-runs.js";
import { WireReader } from "../core/wire-reader.js";
import type { Row } from "./columns.js";
import type { EntityDeclaration } from "./declaration.js";
import { createEntityCodec } from "./entity-codec.js";
import type { FieldBag } from "./field-codec.js";
import { entities } from "./registry.js";
import { createWireRowReader, type WireRowReader } from "./wire-row.js";

const appended = entities
  .filter(({ nature }) => nature === "append")
  .map((entity) => [entity.name, entity, createWireRowReader(entity) as WireRowReader] as const);

const unicode = fc.string({ unit: anyCharacter, maxLength: 80 });
/** Mostly what is valid: a row is made of a message only if all of it is. */
const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: usual, weight: 19 }, { arbitrary: odd, weight: 1 });
const text = mostly(
  fc.oneof(fc.constantFrom("", "result", "agent-1", "ä"), unicode),
  fc.constantFrom("\0", "x".repeat(300)),
);
const uuid = fc.uuid();
const id = mostly(
  fc.oneof(
    uuid,
    uuid.map((each) => each.toUpperCase()),
  ),
  fc.constantFrom("", "nonsense"),
);
const int64 = mostly(fc.bigInt(0n, 10n ** 10n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
const double = mostly(fc.constantFrom<number>(0, -0, 0.5, 1), fc.double());
const payload = fc.record({
  data: fc.oneof(
    fc.json().map((json): Uint8Array => Buffer.from(json)),
    fc.uint8Array({ maxLength: 40 }),
  ),
  contentType: mostly(
    fc.constantFrom("application/json", "", "text/plain"),
    fc.constantFrom("a\0b", "x".repeat(300)),
  ),
});
const keys = mostly(fc.oneof(fc.constantFrom("a", "b", "constructor"), unicode), fc.constant("__proto__"));
const nanos = mostly(fc.integer({ min: 0, max: 999_999_999 }), fc.constantFrom(-1, 1_000_000_000));

/** Any value of a field's type, usually one that is valid. */
function anyValue(field: DescField): fc.Arbitrary<unknown> {
  if (field.fieldKind === "map") {
    const value: fc.Arbitrary<string | number> = field.scalar === ScalarType.STRING ? text : double;
    return fc.dictionary(keys, value, { maxKeys: 4 });
  }
  if (field.fieldKind === "list") return mostly(fc.constant<string[]>([]), fc.array(text, { maxLength: 3 }));
  if (field.fieldKind === "enum") return mostly(fc.integer({ min: 0, max: 4 }), fc.integer());
  if (field.fieldKind === "message") {
    return field.message.name === "Payload" ? payload : fc.record({ seconds: int64, nanos });
  }
  if (field.name === "id" || field.name.endsWith("_id")) return field.name === "agent_id" ? text : id;
  if (field.scalar === ScalarType.STRING) return text;
  if (field.scalar === ScalarType.BOOL) return fc.boolean();
  if (field.scalar === ScalarType.INT64) return int64;
  return field.scalar === ScalarType.DOUBLE ? double : fc.integer();
}

const NOT_THE_CALLERS = ["position", "create_time", "by_holdfast"];

function messages({ message }: EntityDeclaration): fc.Arbitrary<FieldBag> {
  const given = message.fields.filter(({ name }) => !NOT_THE_CALLERS.includes(name));
  const fields = Object.fromEntries(given.map((field) => [field.localName, anyValue(field)]));
  return fc.record(fields, { requiredKeys: [] }).map((init) => create(message, init as never) as FieldBag);
}

const read = (reader: WireRowReader, bytes: Uint8Array) => comparable(reader(new WireReader(bytes)));

/** Bytes are bytes, whichever class they have. */
function comparable(row: Row | undefined): Row | undefined {
  return row?.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value));
}

/** The row by way of a message; undefined if there is something wrong with it. */
function rowOf(entity: EntityDeclaration, bytes: Uint8Array): Row | undefined {
  const message = fromBinary(entity.message, bytes) as FieldBag;
  const violations = { path: "", list: [] };
  const hasId = message.id !== "";
  if (!hasId) message.id = randomUUID();
  for (const name of entity.outputOnly ?? []) expect(name).toBe("by_holdfast");
  const codec = createEntityCodec(entity);
  const row = comparable(codec.toRow(message, violations)) as Row;
  if (!hasId) row[codec.at.id] = null;
  return violations.list.length > 0 ? undefined : row;
}

describe.each(appended)("reading the row of an encoded %s", (_, entity, reader) => {
  test("gives what its message gives, or leaves it to that", () => {
    let rows = 0;
    fc.assert(
      fc.property(messages(entity), (message) => {
        const bytes = toBinary(entity.message, message as never);
        const row = read(reader, bytes);
        if (!row) return;
        rows += 1;
        expect(row).toEqual(rowOf(entity, bytes));
      }),
      { numRuns: 800 },
    );
    // Otherwise it never read one, and nothing was compared.
    expect(rows).toBeGreaterThan(50);
  });

  test("takes no bytes that are no message, and none that make an unsound row", () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(messages(entity), edits, (message, changes) => {
        let bytes = Buffer.from(toBinary(entity.message, message as never));
        for (const [place, byte, kind] of changes) {
          const at = place % (bytes.length + 1);
          const added = kind < 2 ? [byte] : [];
          bytes = Buffer.concat([
            bytes.subarray(0, at),
            Buffer.from(added),
            bytes.subarray(at + (kind > 0 ? 1 : 0)),
          ]);
        }
        const row = read(reader, bytes);
        if (row) expect(row).toEqual(rowOf(entity, bytes));
      }),
      { numRuns: propertyRuns(1500) },
    );
  });
});

test("usual entries of every kind are read, whatever was read before", () => {
  for (const [name, entity, reader] of appended) {
    for (let i = 0; i < 200; i++) {
      const init = {
        sessionId: randomUUID(),
        agentId: `agent-${i % 70}`,
        labels: { [`k${i}`]: "v" },
        ...{ observation: { type: `t${i}`, success: i % 2 === 0, metrics: { a: i } } }[name],
        ...{ decision: { type: "t", confidence: 0.5 } }[name],
        ...{ performance_metric: { name: `n${i % 7}`, value: i, unit: "ms" } }[name],
        ...{ security_audit: { operation: "o", level: 2, valid: true } }[name],
      };
      const bytes = toBinary(entity.message, create(entity.message, init as never) as never);
      const row = read(reader, bytes);
      expect(row, name).toBeDefined();
      expect(row).toEqual(rowOf(entity, bytes));
    }
  }
});
