import { create, type DescField, type DescMessage, fromBinary, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  AppendRequestSchema,
  ListEventsRequestSchema,
  SubscribeRequestSchema,
} from "../../../../gen/holdfast/v1/event_pb.js";
import {
  CreateMemoryRequestSchema,
  SearchMemoriesRequestSchema,
} from "../../../../gen/holdfast/v1/memory_pb.js";
import {
  OpenSessionRequestSchema,
  UpdateSessionRequestSchema,
} from "../../../../gen/holdfast/v1/session_pb.js";
import { ByteWriter } from "./byte-writer.js";
import { EncodeError } from "./encode-error.js";
import { EncoderCompiler } from "./message-encoder.js";

const compiler = new EncoderCompiler();

function encode(message: DescMessage, value: object): Uint8Array {
  const writer = new ByteWriter(1);
  compiler.encoder(message)(writer, value);
  return new Uint8Array(writer.view());
}

/** Any value of a message, as a caller may write it. */
function anyMessage(message: DescMessage): fc.Arbitrary<object> {
  if (message.typeName === "google.protobuf.Timestamp") {
    return fc.record({ seconds: fc.bigInt(-(2n ** 40n), 2n ** 40n), nanos: fc.nat(999_999_999) });
  }
  const plain = message.fields.filter((field) => !field.oneof);
  const fields = Object.fromEntries(plain.map((field) => [field.localName, anyField(field)]));
  const oneofs = message.oneofs.map(({ localName, fields: members }) => [
    localName,
    fc.oneof(
      ...members.map((member) => anyField(member).map((value) => ({ case: member.localName, value }))),
    ),
  ]);
  return fc.record({ ...fields, ...Object.fromEntries(oneofs) }, { requiredKeys: [] });
}

function anyField(field: DescField): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "message":
      return anyMessage(field.message);
    case "enum":
      return fc.constantFrom(...field.enum.values.map(({ number }) => number));
    case "scalar":
      return anyScalar(field.scalar);
    case "list":
      return fc.array(
        field.listKind === "message"
          ? anyMessage(field.message)
          : anyScalar(field.listKind === "enum" ? ScalarType.INT32 : field.scalar),
        { maxLength: 4 },
      );
    case "map":
      if (field.mapKind !== "scalar") throw new Error(`no values for ${field}`);
      return fc.dictionary(fc.string({ minLength: 1 }), anyScalar(field.scalar), {
        maxKeys: 3,
        noNullPrototype: true,
      });
  }
}

function anyScalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return fc.oneof(
        fc.string({ maxLength: 300 }),
        fc.string({ unit: "grapheme", maxLength: 60 }),
        fc.integer({ min: 0, max: 20_000 }).map((length) => "é".repeat(length)),
      );
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 300 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.FLOAT:
      return fc.float();
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.INT32:
      return fc.integer();
    case ScalarType.INT64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    default:
      throw new Error(`no values for ${ScalarType[type]}`);
  }
}

describe("the encoder", () => {
  test.each([
    AppendRequestSchema,
    OpenSessionRequestSchema,
    UpdateSessionRequestSchema,
    ListEventsRequestSchema,
    SubscribeRequestSchema,
    CreateMemoryRequestSchema,
    SearchMemoriesRequestSchema,
  ])("$typeName decodes to what protobuf-es makes of the same fields", (message) => {
    fc.assert(
      fc.property(anyMessage(message), (value) => {
        const decoded = fromBinary(message, encode(message, value));
        expect(decoded).toEqual(
          create(message as DescMessage, structuredClone(value) as Record<string, unknown>),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("a Date becomes a timestamp, before 1970 too", () => {
    for (const [ms, seconds, nanos] of [
      [0, 0n, 0],
      [1234, 1n, 234_000_000],
      [-1, -1n, 999_000_000],
    ] as const) {
      const encoded = encode(OpenSessionRequestSchema, { session: { startTime: new Date(ms) } });
      expect(fromBinary(OpenSessionRequestSchema, encoded).session?.startTime).toMatchObject({
        seconds,
        nanos,
      });
    }
  });

  test.each([
    [{ session: { type: 1 } }, "session.type", "expected a string, got number 1"],
    [{ session: { goalsTotal: 1.5 } }, "session.goals_total", "expected a 32-bit integer, got number 1.5"],
    [
      { session: { goalsTotal: 2 ** 31 } },
      "session.goals_total",
      "expected a 32-bit integer, got number 2147483648",
    ],
    [{ session: { labels: { a: 1 } } }, "session.labels.a", "expected a string, got number 1"],
    [{ session: { metadata: { data: "x" } } }, "session.metadata.data", "expected bytes, got string"],
    [{ session: { metadata: null } }, "session.metadata", "expected an object, got null"],
    [
      { session: { startTime: new Date(Number.NaN) } },
      "session.start_time",
      "expected a time, got an invalid Date",
    ],
    [{ session: { typo: 1 } }, "session.typo", "no such field"],
  ])("%j is refused by the name of its field", (value, field, description) => {
    let thrown: unknown;
    try {
      encode(OpenSessionRequestSchema, value);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(EncodeError);
    expect(thrown).toMatchObject({ field, description });
  });
});
