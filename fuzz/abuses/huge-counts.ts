import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { methods } from "../services.js";
import type { Abuse } from "./abuse.js";
import { RawCalls } from "./raw-calls.js";

/** Together less than a message may have: each element takes two bytes. */
const COUNTS = [1_000, 100_000, 1_500_000];
/** Messages within messages, at most: deeper ones are the same messages again. */
const MAX_DEPTH = 4;
/** A message takes milliseconds. So a run of a million cases comes to all of the places, of which there are about 190. */
const PLACES_A_RUN = 10;
/** A subscription whose filter is well goes on until its deadline. Other calls take milliseconds. */
const DEADLINE = "5S";
const LENGTH_DELIMITED = 2;
const VARINT_BYTES = 10;

/** A repeated field of a request: the numbers of the fields that lead to it, its own last. */
interface Place {
  readonly method: DescMethod;
  readonly path: readonly number[];
}

const PLACES: readonly Place[] = methods.flatMap((method) =>
  repeatedFields(method.input, MAX_DEPTH).map((path) => ({ method, path })),
);

/** Messages of a few megabytes with as many elements as fit: each is empty, and an object once it is decoded. */
export const hugeCounts: Abuse = {
  name: "huge element counts",
  async run(tenant, number) {
    const wrong: string[] = [];
    const calls = await RawCalls.open(tenant);
    try {
      for (let chosen = number * PLACES_A_RUN; chosen < (number + 1) * PLACES_A_RUN; chosen++) {
        // A prime step, so that neighbours are not of one method.
        const { method, path } = PLACES[(chosen * 37) % PLACES.length] as Place;
        const count = COUNTS[chosen % COUNTS.length] ?? 0;
        const sent = calls.call(`/${method.parent.typeName}/${method.name}`, message(path, count), {
          headers: { "grpc-timeout": DEADLINE },
        });
        const status = await sent.ended;
        // INTERNAL and UNKNOWN.
        if (status === "13" || status === "2")
          wrong.push(`${method.name}: ${count} elements at ${path.join(".")}: ended with ${status}`);
      }
      return wrong;
    } finally {
      calls.close();
    }
  },
};

function repeatedFields(message: DescMessage, depth: number): (readonly number[])[] {
  if (depth === 0) return [];
  return message.fields.flatMap((field: DescField) => {
    const own = field.fieldKind === "list" || field.fieldKind === "map" ? [[field.number]] : [];
    const inner = field.message ? repeatedFields(field.message, depth - 1) : [];
    return [...own, ...inner.map((path) => [field.number, ...path])];
  });
}

function message(path: readonly number[], count: number): Buffer {
  const [last = 1, ...outer] = path.toReversed();
  const element = Buffer.concat([varint((last << 3) | LENGTH_DELIMITED), varint(0)]);
  let bytes = Buffer.alloc(element.length * count, element);
  for (const number of outer) {
    bytes = Buffer.concat([varint((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes]);
  }
  return bytes;
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(VARINT_BYTES);
  let length = 0;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes[length++] = (rest & 0x7f) | 0x80;
  bytes[length++] = rest;
  return bytes.subarray(0, length);
}
