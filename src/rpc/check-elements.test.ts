import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { AppendRequestSchema } from "../../gen/holdfast/v1/event_pb.js";
import { CreateLearningSystemRequestSchema } from "../../gen/holdfast/v1/learning_system_pb.js";
import {
  BatchCreateMemoriesRequestSchema,
  BatchGetMemoriesRequestSchema,
  ListMemoriesRequestSchema,
} from "../../gen/holdfast/v1/memory_pb.js";
import { MAX_NUMBERS } from "../entities/column-values.js";
import { checkElements } from "./check-elements.js";

const MIB = 1024 * 1024;

/** A field with the wire type of bytes, strings and messages. */
function field(number: number, content: Uint8Array): Buffer {
  const varint = (value: number): number[] =>
    value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
  return Buffer.concat([
    Buffer.from(varint((number << 3) | 2)),
    Buffer.from(varint(content.length)),
    content,
  ]);
}

function times(count: number, bytes: Uint8Array): Buffer {
  return Buffer.alloc(count * bytes.length, bytes);
}

const NONE = Buffer.alloc(0);
const memory = (bytes: Uint8Array) => field(1, bytes);

test.each<[string, DescMessage, Buffer, string]>([
  [
    "elements of a list",
    BatchCreateMemoriesRequestSchema,
    times(2 * MIB, memory(NONE)),
    "memories: expected at most 20000 elements, got 20001 or more",
  ],
  [
    "entries of a map in an element",
    BatchCreateMemoriesRequestSchema,
    Buffer.concat([memory(NONE), memory(times(40_000, field(5, NONE)))]),
    "memories[1].labels: expected at most 20000 elements, got 20001 or more",
  ],
  [
    "texts",
    BatchGetMemoriesRequestSchema,
    times(40_000, field(1, NONE)),
    "ids: expected at most 20000 elements, got 20001 or more",
  ],
  [
    "packed numbers",
    BatchCreateMemoriesRequestSchema,
    memory(field(20, Buffer.alloc(4 * 40_000))),
    "memories[0].embedding: expected at most 20000 elements, got 40000 or more",
  ],
  [
    "packed enums",
    ListMemoriesRequestSchema,
    field(3, field(3, Buffer.alloc(3 * MIB))),
    "filter.types: expected at most 20000 elements, got 20001 or more",
  ],
  [
    "elements in all, of many short lists",
    BatchCreateMemoriesRequestSchema,
    times(400, memory(times(1000, field(5, NONE)))),
    "expected a message of at most 120000 fields and elements in all, got 120001 or more",
  ],
  [
    "repetitions of a field that is no list",
    CreateLearningSystemRequestSchema,
    times(2 * MIB, field(1, NONE)),
    "expected a message of at most 120000 fields and elements in all, got 120001 or more",
  ],
  [
    "packed enums of a filter given again and again",
    ListMemoriesRequestSchema,
    times(400, field(3, field(3, Buffer.alloc(9000)))),
    "expected a message of at most 120000 fields and elements in all, got 120001 or more",
  ],
  [
    "unknown fields",
    AppendRequestSchema,
    times(2 * MIB, Buffer.from([0x78, 0])),
    "expected a message of at most 120000 fields and elements in all, got 120001 or more",
  ],
  [
    "unknown groups",
    AppendRequestSchema,
    times(2 * MIB, Buffer.from([0x7b, 0x7c])),
    "expected a message of at most 120000 fields and elements in all, got 120001 or more",
  ],
])("too many %s are refused as LIMIT_EXCEEDED", (_name, schema, bytes, message) => {
  expect(() => checkElements(schema, bytes)).toThrow(
    expect.objectContaining({ reason: ErrorReason.LIMIT_EXCEEDED, message }),
  );
});

const PADDING = field(15, Buffer.alloc(20 * 1024));
test.each<[string, Buffer, RegExp]>([
  ["a field that ends past its message", memory(Buffer.from([0x0a, 0x7f])), /ends past its message/],
  ["a list of messages given as a number", Buffer.from([0x08, 0x01]), /memories with the wire type 0/],
  ["the end of a group that did not begin", Buffer.from([0x7c]), /the end of a group/],
  ["a group that does not end", Buffer.from([0x7b]), /a group that does not end/],
  ["a group nested without end", Buffer.alloc(200_000, 0x7b), /more than 100 levels of groups/],
  ["a wire type that does not exist", Buffer.from([0x7f]), /the wire type 7/],
  ["a tag without end", Buffer.alloc(6, 0xff), /has no end/],
])("%s is MALFORMED_MESSAGE", (_name, bytes, message) => {
  expect(() => checkElements(BatchCreateMemoriesRequestSchema, Buffer.concat([PADDING, bytes]))).toThrow(
    expect.objectContaining({
      reason: ErrorReason.MALFORMED_MESSAGE,
      message: expect.stringMatching(message),
    }),
  );
});

test("the largest messages that are allowed pass", () => {
  const learned = Object.fromEntries(Array.from({ length: MAX_NUMBERS }, (_, i) => [`strategy ${i}`, 1]));
  const counts = Object.fromEntries(Object.keys(learned).map((key) => [key, 1n]));
  const labels = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`label ${i}`, "x"]));
  const messages: [DescMessage, Uint8Array][] = [
    [
      CreateLearningSystemRequestSchema,
      toBinary(
        CreateLearningSystemRequestSchema,
        create(CreateLearningSystemRequestSchema, {
          learningSystem: { strategyScores: learned, strategyCounts: counts },
        }),
      ),
    ],
    [
      AppendRequestSchema,
      toBinary(
        AppendRequestSchema,
        create(AppendRequestSchema, {
          entries: Array.from({ length: 500 }, () => ({
            entry: { case: "action" as const, value: { type: "tool", name: "search", labels } },
          })),
        }),
      ),
    ],
    [
      BatchCreateMemoriesRequestSchema,
      toBinary(
        BatchCreateMemoriesRequestSchema,
        create(BatchCreateMemoriesRequestSchema, {
          memories: Array.from({ length: 250 }, () => ({ embedding: Array(4096).fill(0.5) })),
        }),
      ),
    ],
  ];
  for (const [schema, bytes] of messages) expect(() => checkElements(schema, bytes)).not.toThrow();
});
