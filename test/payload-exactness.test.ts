import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Event as LogEvent } from "../gen/holdfast/v1/event_pb.js";
import type { Payload } from "../gen/holdfast/v1/payload_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { action, decision, finishAction, observation } from "./support/entries.js";
import { propertyRuns } from "./support/property-runs.js";
import { newTenant, present, readUpTo, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({}, { pollIntervalMs: 50, maxRecentChanges: 4 });

type Given = Pick<Payload, "contentType"> & { data: Uint8Array };

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

function nested(open: string, close: string, depth: number, inside = ""): string {
  return open.repeat(depth).concat(inside, close.repeat(depth));
}

const TEXTS: readonly (readonly [name: string, data: Uint8Array])[] = [
  ["nothing", bytes("")],
  ["an object", bytes('{"a":1}')],
  ["a NUL escape", bytes(String.raw`{"a":"\u0000"}`)],
  ["lone surrogate escapes", bytes(String.raw`["\ud800","\udc00","\ud83d","\uDE00\uD83D"]`)],
  ["numbers past 2^63", bytes("[9223372036854775809,-9223372036854775809,1e400,0.1000,1E5,-0,-0.0]")],
  ["many digits", bytes(`[${"7".repeat(2000)}.${"3".repeat(2000)}]`)],
  ["duplicate keys", bytes('{"a":1,"a":2,"a":1}')],
  ["key order", bytes('{"z":1,"a":2,"10":3,"9":4,"":5,"__proto__":6}')],
  ["white space", bytes('\r\n\t {"a" :\t1 ,\n"b": [ ] }')],
  ["white space at both ends", bytes(' \n {"a":1}\t\r\n ')],
  ["NaN", bytes('{"a":NaN,"b":Infinity}')],
  ["invalid UTF-8", Buffer.from([0x22, 0xff, 0xfe, 0xc0, 0x80, 0x22])],
  ["encoded surrogates", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ["a byte order mark", bytes('\ufeff{"a":1}')],
  ["a byte order mark inside", bytes('{"a":"\ufeff"}')],
  ["NUL bytes", Buffer.from([0, 0, 0x7b, 0x7d, 0])],
  ["a raw NUL in a string", bytes('{"a":"\0"}')],
  ["every byte", Uint8Array.from({ length: 256 }, (_, i) => i)],
  ["a string", bytes('"text"')],
  ["an empty string", bytes('""')],
  ["a number", bytes("42")],
  ["a number with space after", bytes("42 ")],
  ["null", bytes("null")],
  ["null in space", bytes(" null\n")],
  ["true", bytes("true")],
  ["brackets in strings", bytes(String.raw`{"a":"}],\"{[","\"}":"\\"}`)],
  ["escapes", bytes(String.raw`["\/\b\f\n\r\t\u00e9\u00E9é💥"]`)],
  ["a trailing comma", bytes("[1,]")],
  ["text", bytes("no JSON at all: \\x00 \\u0000")],
  ["text like bytea", bytes("\\x6162")],
  ["deep nesting", bytes(nested("[", "]", 10_000))],
  ["deep nesting of objects", bytes(nested('{"a":', "}", 5_000, "1"))],
  ["nesting just kept as JSON", bytes(nested("[", "]", 512))],
  ["900 KiB of JSON", bytes(`{"a":"${"x".repeat(900 * 1024)}"}`)],
  ["900 KiB of bytes", Buffer.alloc(900 * 1024, "\x80\xff\0", "latin1")],
];

const CONTENT_TYPES = [
  "application/json",
  "",
  "application/vnd.example+json",
  "application/json; charset=utf-8",
  "text/plain",
  "APPLICATION/JSON",
  "+json",
  "no media type ✓",
];

/** Writes the payload everywhere one can stand. Returns the last position. */
async function write(tenant: Tenant, given: Given): Promise<bigint> {
  const session = await tenant.open({ metadata: given });
  await tenant.rpc.unary(SessionService.method.updateSession, {
    session: { id: session.id, metadata: given },
    updateMask: { paths: ["metadata"] },
  });
  const id = randomUUID();
  const { positions, rejections } = await tenant.append(
    observation({ data: given }),
    // Each alone is within the limits; a message of several large ones would not be.
    ...(given.data.byteLength > 100_000 ? [] : [decision({ context: given, alternatives: given })]),
    action({ id, parameters: given }),
    finishAction(id, { ...(given.data.byteLength < 100_000 && { result: given }) }),
  );
  expect(rejections).toEqual([]);
  return positions.at(-1) ?? 0n;
}

function payloadsOf({ entity: { value } }: LogEvent): Payload[] {
  const fields = (value ?? {}) as unknown as Record<string, Payload | undefined>;
  return ["data", "context", "alternatives", "parameters", "result", "metadata"].flatMap(
    (name) => fields[name] ?? [],
  );
}

/** The payload's bytes and type in every event, as text that shows what differs. */
function shown({ data, contentType }: Given): string {
  return `${contentType} ${Buffer.from(data).toString("latin1")}`;
}

async function expectExact(given: Given, count: number): Promise<void> {
  const tenant = newTenant(servers.app());
  const live = tenant.subscribe({ after: { position: 0n } });
  await live.next();
  const last = await write(tenant, given);
  const behind = tenant.on(servers.app(1));
  const ways = {
    "followed live": await readUpTo(live, last),
    "read back by a subscription": await readUpTo(behind.subscribe({ after: { position: 0n } }), last),
    listed: await behind.listAll(),
  };
  for (const [way, events] of Object.entries(ways)) {
    const payloads = events.flatMap(payloadsOf);
    expect(payloads, way).toHaveLength(count);
    for (const payload of payloads) {
      // Compared first: printing a difference of a megabyte takes long.
      const isSame = shown(payload) === shown(given);
      if (!isSame) expect(shown(payload).slice(0, 500), way).toBe(shown(given).slice(0, 500));
      expect(isSame, way).toBe(true);
    }
  }
  const [opened] = ways.listed;
  const id = present(opened?.entity.value?.id);
  const { session } = await behind.rpc.unary(SessionService.method.getSession, {
    key: { case: "id", value: id },
  });
  expect(shown(present(session?.metadata)) === shown(given), "got by id").toBe(true);
  await expectSoundLog(servers.databaseUrl, tenant.id);
}

describe("a payload comes out as it went in", () => {
  test.each(TEXTS)("when it is %s", async (_, data) => {
    const isLarge = data.byteLength > 100_000;
    // Session twice, observation, decision twice, action, finished action with parameters and result.
    await expectExact({ data, contentType: "application/json" }, isLarge ? 5 : 8);
  });

  test.each(CONTENT_TYPES)("when its content type is %j", async (contentType) => {
    for (const text of ['{"a": 1}', "null", "no JSON"])
      await expectExact({ data: bytes(text), contentType }, 8);
  });

  test("whatever its bytes and type", async () => {
    const json = fc.json().map(bytes);
    const spaced = fc
      .tuple(fc.string({ unit: fc.constantFrom(" ", "\n", "\t") }), fc.json(), fc.constantFrom("", " ", "\n"))
      .map(([before, text, after]) => bytes(before + text + after));
    const mangled = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom('"', "\\", "{", ",", "\0", "\ufeff", "\\u0000"))
      .map(([text, at, inserted]) =>
        bytes(text.slice(0, at % (text.length + 1)) + inserted + text.slice(at % (text.length + 1))),
      );
    const data = fc.oneof(json, spaced, mangled, fc.uint8Array({ maxLength: 64 }));
    const contentType = fc.constantFrom("application/json", "", "a/b+json", "text/plain");
    await fc.assert(
      fc.asyncProperty(fc.record({ data, contentType }), (given) => expectExact(given, 8)),
      { numRuns: propertyRuns(25), seed: 4650, endOnFailure: true },
    );
  });

  test("and an absent one stays absent, which an empty one is not", async () => {
    const tenant = newTenant(servers.app());
    const empty = { data: new Uint8Array(), contentType: "" };
    await tenant.append(observation(), observation({ data: empty }), action(), action({ parameters: empty }));
    const payloads = (await tenant.listAll()).map((event) => payloadsOf(event).map(shown));
    expect(payloads).toEqual([[], [" "], [], [" "]]);
  });
});

describe("fields come out as they went in", () => {
  test("alike whether followed live or read back", async () => {
    const tenant = newTenant(servers.app());
    const live = tenant.subscribe({ after: { position: 0n } });
    await live.next();
    const session = await tenant.open({
      successRate: -0,
      goalsTotal: 2 ** 31 - 1,
      labels: { "": "", ключ: "💥" },
    });
    const upper = session.id.toUpperCase();
    const { positions, rejections } = await tenant.append(
      observation({
        sessionId: upper,
        goalId: upper,
        actionId: upper,
        content: "\u0001\ufeff\uffff",
        success: false,
        metrics: {
          nan: Number.NaN,
          inf: -Infinity,
          zero: -0,
          tiny: 5e-324,
          huge: 1.7976931348623157e308,
          third: 1 / 3,
        },
        labels: { "10": "a", "9": "b", constructor: "c" },
        occurTime: { seconds: -62_135_596_800n, nanos: 999_999_999 },
      }),
      decision({ confidence: 0, durationMs: 1 / 3, agentId: " ", observationId: upper }),
      action({
        sessionId: upper,
        cost: 0.1,
        prerequisites: ["b", "", "a"],
        startTime: { seconds: 253_402_300_799n, nanos: 123_456_789 },
      }),
      {
        entry: { case: "performanceMetric", value: { id: randomUUID().toUpperCase(), name: "n", value: -0 } },
      },
    );
    expect(rejections).toEqual([]);
    const followed = await readUpTo(live, positions.at(-1) ?? 0n);
    expect(followed).toEqual(await tenant.on(servers.app(1)).listAll());
    expect(followed[1]?.entity.value).toMatchObject({
      metrics: {
        nan: Number.NaN,
        inf: -Infinity,
        zero: -0,
        tiny: 5e-324,
        huge: 1.7976931348623157e308,
        third: 1 / 3,
      },
      labels: { "10": "a", "9": "b", constructor: "c" },
      success: false,
      occurTime: { seconds: -62_135_596_800n, nanos: 999_999_000 },
    });
    expect(followed[4]?.entity.value).toMatchObject({ value: -0 });
  });
});
