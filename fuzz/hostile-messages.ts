import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import { anyCharacter } from "../test/support/any-character.js";

export interface HostileOptions {
  /** Texts among which some mean something: ids that exist, paths of fields, page tokens. */
  readonly texts: readonly string[];
}

const HOSTILE_TEXTS = [
  "",
  "\0",
  "a\0b",
  "'; DROP TABLE holdfast.sessions; --",
  "\\",
  '"',
  "%s%n",
  "../../etc/passwd",
  "__proto__",
  "constructor",
  "\ud800",
  "\uffff\ufeff",
  "💥".repeat(300),
  "x".repeat(5000),
  "00000000-0000-0000-0000-000000000000",
  "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
  "{00000000-0000-0000-0000-000000000000}",
  "NaN",
  "application/json",
];

// Made once: fast-check takes long to make one.
const ANY_TEXT = fc.string({ unit: anyCharacter, maxLength: 20 });
const ANY_UUID = fc.uuid();

const INT32 = [0, 1, -1, 50, 1000, 2 ** 31 - 1, -(2 ** 31)];
const INT64 = [
  0n,
  1n,
  -1n,
  7n,
  1n << 31n,
  (1n << 53n) + 1n,
  (1n << 63n) - 1n,
  -(1n << 63n),
  253_402_300_800n,
];
const DOUBLE = [0, -0, 0.5, 1, -1, Number.NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE];
const FLOAT = DOUBLE.map((each) => Math.fround(each));
const BYTES = ["", "{}", "null", " [1] ", '{"a":NaN}', '"\\u0000"', "[".repeat(2000), "\0\xff\xfe"];

/** Messages of a type with any of its fields set to what a careless or malicious caller might send. */
export function hostileMessages(
  message: DescMessage,
  options: HostileOptions,
  depth = 0,
): fc.Arbitrary<Record<string, unknown>> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of message.members) {
    members[member.localName] =
      member.kind === "oneof" ? oneof(member, options, depth) : field(member, options, depth);
  }
  return fc.record(members, { requiredKeys: [], noNullPrototype: true });
}

function oneof(desc: DescOneof, options: HostileOptions, depth: number): fc.Arbitrary<unknown> {
  const cases = desc.fields.map((each) =>
    field(each, options, depth).map((value) => ({ case: each.localName, value })),
  );
  return fc.oneof(...cases);
}

function field(desc: DescField, options: HostileOptions, depth: number): fc.Arbitrary<unknown> {
  switch (desc.fieldKind) {
    case "scalar":
      return scalar(desc.scalar, options);
    case "enum":
      return enumNumbers(desc.enum.values.map((value) => value.number));
    case "message":
      return hostileMessages(desc.message, options, depth + 1);
    case "list":
      return fc.array(element(desc, options, depth), { maxLength: depth === 0 ? 8 : 3 });
    case "map":
      return fc.dictionary(
        text(options),
        desc.mapKind === "scalar" ? scalar(desc.scalar, options) : fc.constant({}),
        {
          maxKeys: 3,
          noNullPrototype: true,
        },
      );
  }
}

function element(desc: DescField & { fieldKind: "list" }, options: HostileOptions, depth: number) {
  if (desc.listKind === "message") return hostileMessages(desc.message, options, depth + 1);
  if (desc.listKind === "enum") return enumNumbers(desc.enum.values.map((value) => value.number));
  return scalar(desc.scalar, options);
}

function enumNumbers(known: readonly number[]): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, fc.constantFrom(99, -1, 2 ** 31 - 1));
}

function text({ texts }: HostileOptions): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...texts) },
    { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_TEXTS) },
    { weight: 1, arbitrary: ANY_TEXT },
    { weight: 1, arbitrary: ANY_UUID },
  );
}

function scalar(type: ScalarType, options: HostileOptions): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return text(options);
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT32:
      return fc.constantFrom(...INT32);
    case ScalarType.INT64:
      return fc.constantFrom(...INT64);
    case ScalarType.DOUBLE:
      return fc.constantFrom(...DOUBLE);
    case ScalarType.FLOAT:
      return fc.constantFrom(...FLOAT);
    case ScalarType.BYTES:
      return fc.constantFrom(...BYTES.map((each) => Buffer.from(each, "latin1")));
    default:
      throw new TypeError(`no request has a field of type ${ScalarType[type]}; say here what to send`);
  }
}
