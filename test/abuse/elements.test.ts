import type { DescMessage, DescMethodUnary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type AppendStreamResponse, EventService } from "../../gen/holdfast/v1/event_pb.js";
import { LearningSystemService } from "../../gen/holdfast/v1/learning_system_pb.js";
import { MemoryService } from "../../gen/holdfast/v1/memory_pb.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { refusal, refusalFromStatus, rejectionsByIndex } from "../support/refusal.js";

const server = useAbusedServer();
/** All that fits into a message, but for the fields around it. */
const ELEMENTS = 2 * 1024 * 1024 - 16;
/** Such a message is sent by the test as well, which takes its time on a busy machine. */
const TIMEOUT_MS = 120_000;

/** Elements of two bytes: field 1, which is a list of messages or texts or a message itself, each empty. */
const EMPTY_ELEMENTS = Buffer.alloc(2 * ELEMENTS, Buffer.from([0x0a, 0]));

const methods: readonly DescMethodUnary<DescMessage, DescMessage>[] = [
  EventService.method.append,
  MemoryService.method.batchCreateMemories,
  MemoryService.method.batchGetMemories,
  LearningSystemService.method.createLearningSystem,
];

test(
  "messages of two million empty elements are refused undecoded, and hold nobody up",
  async () => {
    const abuser = server.as("abuser");
    await besideModestTenant(server, async () => {
      const refused = methods.map((method) => refusal(abuser.unaryBytes(method, EMPTY_ELEMENTS)));
      for (const { reason } of await Promise.all(refused)) expect(reason).toBe("LIMIT_EXCEEDED");
    });
  },
  TIMEOUT_MS,
);

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))];
}

function delimited(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, ...varint(content.length)]), content]);
}

/** A message of an append stream with these entries. */
function batch(sequence: number, entries: Uint8Array): Buffer {
  return delimited(0x12, Buffer.concat([Buffer.from([0x08, sequence]), entries]));
}

/** What became of a batch. */
function outcome(answer: AppendStreamResponse | undefined) {
  if (answer?.response.case !== "batch") throw new Error(`expected a batch, got ${answer?.response.case}`);
  const { sequence, outcome } = answer.response.value;
  if (outcome.case === "error") return { sequence, error: refusalFromStatus(outcome.value) };
  const rejections = [...rejectionsByIndex(outcome.value?.rejections ?? [])];
  return {
    sequence,
    rejections: rejections.map(([index, { reason, fields }]) => [index, reason, ...fields]),
  };
}

test(
  "a batch with too many entries and an entry with too many labels are refused alone, the stream goes on",
  async () => {
    const stream = server.as("abuser").duplex(EventService.method.appendStream);
    stream.write({ request: { case: "open", value: {} } });
    expect((await stream.next())?.response.case).toBe("opened");
    const sound = delimited(0x12, delimited(0x0a, Buffer.from([0x5a, 1, 0x61])));
    const labels = Buffer.alloc(2 * 40_000, Buffer.from([0x2a, 0]));
    const overLabelled = delimited(0x12, delimited(0x0a, labels));
    stream.writeBytes(batch(1, Buffer.alloc(2 * ELEMENTS, Buffer.from([0x12, 0]))));
    stream.writeBytes(batch(2, Buffer.concat([sound, overLabelled])));
    stream.writeBytes(
      batch(3, Buffer.concat(Array(300).fill(delimited(0x12, delimited(0x0a, labels.subarray(0, 6000)))))),
    );
    stream.end();

    const over = { reason: "LIMIT_EXCEEDED", fields: ["entries"] };
    expect(outcome(await stream.next())).toMatchObject({
      sequence: 1n,
      error: { ...over, message: "entries: expected at most 500 entries, got 20501 or more" },
    });
    expect(outcome(await stream.next())).toEqual({
      sequence: 2n,
      rejections: [[1, "LIMIT_EXCEEDED", "entries[1].observation.labels"]],
    });
    expect(outcome(await stream.next())).toMatchObject({ sequence: 3n, error: over });
  },
  TIMEOUT_MS,
);
