import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AppendRequestSchema, EventService } from "../../../../gen/holdfast/v1/event_pb.js";
import { UpdateMemoryRequestSchema } from "../../../../gen/holdfast/v1/memory_pb.js";
import { ObservationSchema } from "../../../../gen/holdfast/v1/observation_pb.js";
import { PerformanceMetricSchema } from "../../../../gen/holdfast/v1/performance_metric_pb.js";
import { anyCharacter } from "../../../../test/support/any-character.js";
import { JournalFile } from "./journal-file.js";
import { decodeWrite, encodeWrite, numbered, readLine, settledLine } from "./journal-line.js";
import type { JournalWrite } from "./journal-write.js";
import { type DamagedLine, parseLines } from "./parse-lines.js";
import { requestFromJson, requestToJson } from "./request-json.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-journal-file-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const HOSTILE = ["{}", "\u0000", '"\\ud800"', "[1e999]", "\ufeff{}", "\u2028", '{"__proto__": 1}'];

/** Whatever an observation can hold: any bytes, any text, any time, NaN and zeros of both signs. */
const request = fc
  .record({
    id: fc.uuid(),
    content: fc.string({ unit: anyCharacter }),
    labels: fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })),
    data: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(...HOSTILE.map((text) => new Uint8Array(Buffer.from(text)))),
    ),
    contentType: fc.constantFrom("application/json", "application/octet-stream", ""),
    success: fc.boolean(),
    seconds: fc.bigInt({ min: -62135596800n, max: 253402300799n }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
    metrics: fc.dictionary(fc.string(), fc.double()),
    duration: fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Number.NEGATIVE_INFINITY)),
  })
  .map(({ id, content, labels, data, contentType, success, seconds, nanos, metrics, duration }) => {
    const occurTime = { seconds, nanos };
    const value = {
      id,
      content,
      labels,
      data: { data, contentType },
      success,
      occurTime,
      metrics,
    };
    return create(AppendRequestSchema, {
      entries: [
        { entry: { case: "observation", value: create(ObservationSchema, value) } },
        {
          entry: {
            case: "performanceMetric",
            value: create(PerformanceMetricSchema, { id, value: duration }),
          },
        },
      ],
    });
  });

const write = request.map(
  (message): JournalWrite => ({
    method: EventService.method.append,
    request: toBinary(AppendRequestSchema, message),
    ids: message.entries.map(({ entry }) => (entry.value as { id: string }).id),
    metadata: {},
  }),
);

describe("a request as JSON", () => {
  test("comes back as it was, byte for byte", () => {
    fc.assert(
      fc.property(request, (message) => {
        const wire = toBinary(AppendRequestSchema, message);
        const json = JSON.parse(JSON.stringify(requestToJson(AppendRequestSchema, wire)));
        const again = requestFromJson(AppendRequestSchema, json);
        expect(Buffer.from(again).equals(wire)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test("shows the text of payloads, and falls back to bytes where JSON has no form", () => {
    const value = { data: { data: Buffer.from('{"a": "\\u0000"}'), contentType: "application/json" } };
    const readable = create(AppendRequestSchema, { entries: [{ entry: { case: "observation", value } }] });
    expect(requestToJson(AppendRequestSchema, toBinary(AppendRequestSchema, readable))).toEqual({
      request: {
        entries: [{ observation: { data: { text: '{"a": "\\u0000"}', contentType: "application/json" } } }],
      },
    });
    const odd = create(UpdateMemoryRequestSchema, { updateMask: { paths: ["labels.Not_Snake"] } });
    const wire = toBinary(UpdateMemoryRequestSchema, odd);
    const json = requestToJson(UpdateMemoryRequestSchema, wire);
    expect(json).toEqual({ wire: Buffer.from(wire).toString("base64") });
    expect(requestFromJson(UpdateMemoryRequestSchema, json)).toEqual(Buffer.from(wire));
  });
});

describe("a file of lines", () => {
  const lines = fc.array(write, { minLength: 1, maxLength: 6 });
  const textOf = (writes: readonly JournalWrite[]) =>
    writes.map((each, index) => numbered(encodeWrite(each, new Date(0)), index + 1));

  test("torn at any byte keeps every line in front of that, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(lines, fc.double({ min: 0, max: 1, noNaN: true }), async (writes, where) => {
        const texts = textOf(writes);
        const whole = Buffer.from(texts.join(""));
        const torn = Math.floor(where * whole.length);
        const path = join(directory, "torn.jsonl");
        writeFileSync(path, whole.subarray(0, torn));
        const file = JournalFile.open(path, () => expect.fail("a torn end is no damage"));
        // A line that lacks its newline alone is whole.
        let fit = 0;
        for (let end = 0; fit < texts.length; fit++) {
          end += Buffer.byteLength(texts[fit] as string);
          if (end - 1 > torn) break;
        }
        expect(file.entries).toBe(fit);
        const kept = await file.waiting();
        expect(kept.map(({ json }) => Buffer.from(decodeWrite(json).request))).toEqual(
          writes.slice(0, fit).map((each) => Buffer.from(each.request)),
        );
        // And it can be gone on with.
        await file.append([encodeWrite(writes[0] as JournalWrite, new Date(0))], new Date(0));
        await file.close();
        const again = JournalFile.open(path, () => expect.fail("nothing is damaged"));
        expect(again.entries).toBe(fit + 1);
        expect(again.bytes).toBe(statSync(path).size);
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });

  test("with any byte changed reports the line it is in, once, and keeps all others", () => {
    fc.assert(
      fc.property(lines, fc.nat(), fc.integer({ min: 1, max: 255 }), (writes, at, change) => {
        const texts = textOf(writes);
        const bytes = Buffer.from(texts.join(""));
        // The last newline is the end's own business.
        const position = at % (bytes.length - 1);
        bytes[position] = (bytes[position] as number) ^ change;
        const path = join(directory, "damaged.jsonl");
        writeFileSync(path, bytes);
        const kept: DamagedLine[] = [];
        const file = JournalFile.open(path, (damaged) => kept.push(...damaged));
        // A newline that is gone makes one line of two.
        let end = 0;
        const whole = texts.filter((text) => {
          const start = end;
          end += Buffer.byteLength(text);
          return position < start - 1 || position >= end;
        }).length;
        expect(file.entries).toBe(whole);
        expect(whole).toBeGreaterThanOrEqual(texts.length - 2);
        expect(kept.length).toBeGreaterThan(0);
        // One that is now a newline itself may stand just before it.
        const isNear = ({ offset, bytes: { length } }: DamagedLine) =>
          offset - 1 <= position && position <= offset + length;
        expect(kept.some(isNear)).toBe(true);
        expect(JournalFile.open(path, () => expect.fail("it was reported")).entries).toBe(whole);
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });

  test("of arbitrary bytes is never an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        const { writes, end } = parseLines(Buffer.from(bytes));
        expect(writes).toEqual([]);
        expect(end).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  test("forgets what is settled, also when it is opened again", async () => {
    const [one] = fc.sample(write, 1) as [JournalWrite];
    const path = join(directory, "settled.jsonl");
    const file = JournalFile.create(path);
    const encoded = encodeWrite(one, new Date(0));
    await file.append([encoded, encoded, encoded], new Date(0));
    expect((await file.waiting()).map(({ json }) => json.number)).toEqual([1, 2, 3]);
    await file.settle(2);
    await file.append([encoded], new Date(1000));
    expect(file.entries).toBe(2);
    await file.close();
    expect(readFileSync(path, "utf8")).toContain(settledLine(2));
    const again = JournalFile.open(path, () => expect.fail("nothing is damaged"));
    expect((await again.waiting()).map(({ json }) => json.number)).toEqual([3, 4]);
    expect(again.oldest).toEqual(new Date(0));
    await again.settle(2);
    await again.remove();
    expect(readdirSync(directory)).toEqual([]);
  });

  test("cut to nothing holds nothing", () => {
    const path = join(directory, "empty.jsonl");
    writeFileSync(path, "x");
    truncateSync(path, 0);
    expect(JournalFile.open(path, () => expect.fail("no damage")).entries).toBe(0);
    expect(readLine(Buffer.from("{}"))).toBeUndefined();
  });
});
