import { create, toBinary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { AppendRequestSchema } from "../../gen/holdfast/v1/event_pb.js";
import { decodeMessage, EncodedMessage, encodeMessage } from "./message-codec.js";

const NO_LIMIT = Number.POSITIVE_INFINITY;

test("every byte comes back as it went", () => {
  const value = Uint8Array.from({ length: 1024 }, (_, index) => index % 256);
  const encoded = encodeMessage(BytesValueSchema, { value }, NO_LIMIT);
  expect(Buffer.isBuffer(encoded)).toBe(true);
  expect(encoded.equals(toBinary(BytesValueSchema, create(BytesValueSchema, { value })))).toBe(true);
  expect(Buffer.from(decodeMessage(BytesValueSchema, encoded).value).equals(value)).toBe(true);
});

test("decoding does not copy bytes fields", () => {
  const encoded = encodeMessage(BytesValueSchema, { value: new Uint8Array(1000) }, NO_LIMIT);
  expect(decodeMessage(BytesValueSchema, encoded).value.buffer).toBe(encoded.buffer);
});

test("a message nested without end is malformed, not a crash", () => {
  // An unknown field that begins a group, within itself, over and over: nothing recurses deeper in a message.
  const groups = Buffer.alloc(200_000, 0x7b);
  expect(() => decodeMessage(AppendRequestSchema, groups)).toThrow(/expected a holdfast\.v1\.AppendRequest/);
});

test("a message within the limit to the byte is sent, one more is refused", () => {
  const value = new Uint8Array(98);
  expect(encodeMessage(BytesValueSchema, { value }, 100)).toHaveLength(100);
  expect(() => encodeMessage(BytesValueSchema, { value: new Uint8Array(99) }, 100)).toThrow(
    /101 bytes .* at most 100/,
  );
});

test("a message that was encoded already is sent as it is, within the same limit", () => {
  const bytes = toBinary(BytesValueSchema, create(BytesValueSchema, { value: new Uint8Array(98) }));
  const sent = encodeMessage(BytesValueSchema, new EncodedMessage(bytes), 100);
  expect(sent.buffer).toBe(bytes.buffer);
  expect(sent.equals(bytes)).toBe(true);
  expect(() => encodeMessage(BytesValueSchema, new EncodedMessage(bytes), 99)).toThrow(
    /100 bytes .* at most 99/,
  );
});
