import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { GetLogHeadResponseSchema } from "../../../../gen/holdfast/v1/admin_pb.js";
import type { NextGoalRequest } from "../../../../gen/holdfast/v1/goal_pb.js";
import { connect as connectTo } from "../connect.js";
import type { ConnectOptions } from "../connect-options.js";
import type { Holdfast } from "../holdfast.js";
import type { JournalOptions } from "../journal/journal-options.js";
import type { RecorderOptions } from "../recorder/recorder-options.js";
import { onBatches, store } from "../testing/append-script.js";
import { MemoryLog } from "../testing/memory-log.js";
import { useServers } from "../testing/use-servers.js";
import { durationFromMs } from "./duration.js";
import { retryDelayMs } from "./retry-policy.js";

const { serve, connect } = useServers();

/** What each option is given here is typed as its callers in JavaScript have it: not at all. */
type Untyped = never;

/** A server that answers at once, and what goals were asked of it. */
async function setUp() {
  const log = new MemoryLog();
  const asked: NextGoalRequest[] = [];
  const server = await serve({
    getLogHead: (_call, answer) => answer(null, create(GetLogHeadResponseSchema, { position: 7n })),
    appendStream: onBatches((call, batch) => store(call, log, batch)),
    subscribe: () => {},
    export: (call) => call.end(),
    nextGoal: (call, answer) => {
      asked.push(call.request);
      answer(null, {} as never);
    },
  });
  return { server, asked };
}

type Server = Awaited<ReturnType<typeof setUp>>["server"];

function withConnection(option: keyof ConnectOptions) {
  return async (server: Server, value: Untyped) => {
    await connect(server, { [option]: value }).admin.getLogHead();
  };
}

function withRetry(option: "initialDelayMs" | "maxDelayMs") {
  return async (server: Server, value: Untyped) => {
    await connect(server, { retry: { [option]: value } }).admin.getLogHead();
  };
}

function withRecorder(option: keyof RecorderOptions) {
  return async (server: Server, value: Untyped) => {
    await connect(server)
      .recorder({ [option]: value })
      .observe({ type: "a" });
  };
}

function withJournal(option: keyof JournalOptions) {
  return async ({ address }: Server, value: Untyped) => {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-durations-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const holdfast = connectTo({ address, journal: { directory, [option]: value } });
    onTestFinished(() => holdfast.close({ timeoutMs: 0 }));
    await holdfast.recorder().observe({ type: "a" });
  };
}

function withClient(use: (holdfast: Holdfast, value: Untyped) => Promise<unknown>) {
  return async (server: Server, value: Untyped) => void (await use(connect(server), value));
}

const DURATIONS = {
  deadlineMs: withConnection("deadlineMs"),
  keepaliveMs: withConnection("keepaliveMs"),
  "retry.initialDelayMs": withRetry("initialDelayMs"),
  "retry.maxDelayMs": withRetry("maxDelayMs"),
  answerTimeoutMs: withRecorder("answerTimeoutMs"),
  "journal.acknowledgeWithinMs": withJournal("acknowledgeWithinMs"),
  "journal.probeIntervalMs": withJournal("probeIntervalMs"),
  timeoutMs: withClient((holdfast, timeoutMs) => holdfast.close({ timeoutMs })),
};
const COUNTS = {
  maxReceiveBytes: withConnection("maxReceiveBytes"),
  maxBufferedRecords: withRecorder("maxBufferedRecords"),
  maxBufferedBytes: withRecorder("maxBufferedBytes"),
  "journal.maxBytes": withJournal("maxBytes"),
  "journal.maxEntries": withJournal("maxEntries"),
};
/** Durations that one call takes. */
const OF_A_CALL = {
  deadlineMs: withClient((holdfast, deadlineMs) => holdfast.admin.getLogHead({ deadlineMs })),
  leaseMs: withClient((holdfast, leaseMs) => holdfast.goals.next("a", {}, { leaseMs })),
  halfLifeMs: withClient((holdfast, halfLifeMs) => holdfast.patterns.query({}, { halfLifeMs })),
};
const DEADLINE_OF_A_STREAM = withClient((holdfast, deadlineMs) =>
  holdfast.admin.exportTo(tmpdir(), { deadlineMs }),
);

const NO_DURATIONS = [Number.NaN, -1, Number.NEGATIVE_INFINITY, "5000", 5000n, null, {}] as Untyped[];
const NO_COUNTS = [...NO_DURATIONS, 0, 1.5] as Untyped[];
const LONG = [Infinity, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, 2 ** 31, 60_000.5] as Untyped[];
const MANY = [Infinity, Number.MAX_SAFE_INTEGER, 1_000_000] as Untyped[];

describe.each([
  ...Object.entries(DURATIONS).map(([option, use]) => [option, NO_DURATIONS, LONG, use] as const),
  ...Object.entries(COUNTS).map(([option, use]) => [option, NO_COUNTS, MANY, use] as const),
])("the option %s", (option, refused, taken, use) => {
  test.each(refused)("refuses %s where it is given", async (value) => {
    const { server } = await setUp();
    await expect(use(server, value)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "INVALID_FIELD",
      violations: [{ field: option, description: expect.stringMatching(/^expected .*, got /) }],
    });
  });

  test.each(taken)("takes %s as a long time, or no limit", async (value) => {
    await use((await setUp()).server, value);
  });
});

describe.each([...Object.entries(OF_A_CALL), ["deadlineMs", DEADLINE_OF_A_STREAM] as const])(
  "a call's %s",
  (option, use) => {
    test.each(NO_DURATIONS)("refuses %s", async (value) => {
      await expect(use((await setUp()).server, value)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        violations: [{ field: option }],
      });
    });
  },
);

describe("a deadline", () => {
  test.each(LONG)("of %s ms lets a call and a stream go on", async (deadlineMs) => {
    const { server } = await setUp();
    const { admin } = connect(server);
    expect((await admin.getLogHead({ deadlineMs })).position).toBe(7n);
    // The server sends an archive without a manifest; the deadline is not what ends the call.
    await expect(admin.exportTo(tmpdir(), { deadlineMs })).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });
});

describe("a duration to send", () => {
  test("is whole seconds and nanoseconds below one", async () => {
    expect(durationFromMs("a", 1500.25)).toEqual({ seconds: 1n, nanos: 500_250_000 });
    expect(durationFromMs("a", 999.9999999)).toEqual({ seconds: 1n, nanos: 0 });
    expect(durationFromMs("a", 0)).toEqual({ seconds: 0n, nanos: 0 });
    const { server, asked } = await setUp();
    await connect(server).goals.next("a", {}, { leaseMs: 60_000.5 });
    expect(asked[0]?.leaseDuration).toMatchObject({ seconds: 60n, nanos: 500_000 });
  });

  test.each([Infinity, Number.MAX_VALUE, 315_576_000_000_001])("is refused when it is %s", (ms) => {
    expect(() => durationFromMs("leaseMs", ms)).toThrow(/^leaseMs: expected at most 10,000 years/);
  });
});

describe("the wait before a retry", () => {
  const policy = { initialDelayMs: Infinity, maxDelayMs: Infinity };
  test("is one that a timer can wait, whatever the policy and the server say", () => {
    for (const asked of [undefined, Infinity, Number.MAX_SAFE_INTEGER * 1000, -1]) {
      for (const attempt of [1, 31, 1000]) {
        expect(retryDelayMs(policy, attempt, asked)).toBeLessThan(2 ** 31);
      }
    }
  });
});
