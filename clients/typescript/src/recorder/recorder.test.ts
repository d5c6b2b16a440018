import { describe, expect, test } from "vitest";
import type { AppendBatch } from "../../../../gen/holdfast/v1/event_pb.js";
import { HoldfastError } from "../holdfast-error.js";
import {
  type AppendCall,
  LIMITS,
  onBatches,
  sendAnswer,
  sendDrain,
  store,
} from "../testing/append-script.js";
import { idOf, MemoryLog } from "../testing/memory-log.js";
import { until } from "../testing/until.js";
import { useServers } from "../testing/use-servers.js";

const { serve, connect } = useServers();

/** A server that keeps each batch until the test answers it. */
function holding() {
  const held: { call: AppendCall; batch: AppendBatch }[] = [];
  return { held, appendStream: onBatches((call, batch) => held.push({ call, batch })) };
}

function sizes(held: readonly { readonly batch: AppendBatch }[]): number[] {
  return held.map(({ batch }) => batch.entries.length);
}

function numbered(count: number, from = 0) {
  return Array.from({ length: count }, (_, index) => ({ type: "result", content: String(from + index) }));
}

describe("batching", () => {
  test("what one turn records goes at once in one batch, and each record gets its position", async () => {
    const log = new MemoryLog();
    const batches: number[] = [];
    const server = await serve({
      appendStream: onBatches((call, batch) => {
        batches.push(batch.entries.length);
        store(call, log, batch);
      }),
    });
    const recorder = connect(server).recorder({ sessionId: "s", agentId: "planner", labels: { a: "1" } });
    const saved = await Promise.all(numbered(10).map((observation) => recorder.observe(observation)));
    expect(batches).toEqual([10]);
    expect(saved.map(({ position }) => position)).toEqual(
      Array.from({ length: 10 }, (_, i) => BigInt(i + 1)),
    );
    expect(saved.map(({ id }) => id)).toEqual(log.ids);
    expect(log.entries[3]?.entry.value).toMatchObject({
      content: "3",
      sessionId: "s",
      agentId: "planner",
      labels: { a: "1" },
    });
  });

  test("a record's own fields win over the defaults, an empty one too, and labels add up", async () => {
    const log = new MemoryLog();
    const server = await serve({ appendStream: onBatches((call, batch) => store(call, log, batch)) });
    const recorder = connect(server).recorder({
      sessionId: "s",
      agentId: "planner",
      labels: { a: "1", b: "1" },
    });
    recorder.observe({ sessionId: "other", labels: { b: "2" } });
    recorder.observe({ sessionId: "", labels: { b: "2" } });
    await recorder.flush();
    const [first, second] = log.entries.map(({ entry }) => entry.value);
    expect(first).toMatchObject({ sessionId: "other", agentId: "planner", labels: { a: "1", b: "2" } });
    expect(second).toMatchObject({ sessionId: "", agentId: "planner", labels: { a: "1", b: "2" } });
  });

  test("every kind of record arrives whole, under the id it was given or one made for it", async () => {
    const log = new MemoryLog();
    const server = await serve({ appendStream: onBatches((call, batch) => store(call, log, batch)) });
    const recorder = connect(server).recorder({ sessionId: "s" });
    const action = recorder.createAction({ type: "web_search", prerequisites: ["a", "b"], cost: 0.5 });
    const started = recorder.startAction(action.id, { startTime: new Date(1500) });
    const finished = recorder.finishAction(action.id, { requestId: "own", successScore: 0 });
    recorder.decide({ id: "d", confidence: 0.25 });
    recorder.measure({ name: "tokens", value: -0, tags: { x: "y" } });
    await recorder.flush();
    expect(log.ids).toEqual([action.id, started.id, "own", "d", expect.stringMatching(/-7...-/)]);
    expect(finished.id).toBe("own");
    const [created, start, finish, decision, metric] = log.entries.map(({ entry }) => entry);
    expect(created).toMatchObject({
      case: "action",
      value: { sessionId: "s", prerequisites: ["a", "b"], cost: 0.5 },
    });
    expect(start).toMatchObject({
      value: { actionId: action.id, startTime: { seconds: 1n, nanos: 500_000_000 } },
    });
    expect(finish).toMatchObject({ case: "finishAction", value: { actionId: action.id, successScore: 0 } });
    expect(decision).toMatchObject({ case: "decision", value: { sessionId: "s", confidence: 0.25 } });
    expect(metric).toMatchObject({ case: "performanceMetric", value: { name: "tokens", tags: { x: "y" } } });
  });

  test("while one batch is in flight, what arrives gathers into the next", async () => {
    const log = new MemoryLog();
    const { held, appendStream } = holding();
    const server = await serve({ appendStream });
    const recorder = connect(server).recorder();
    recorder.observe({});
    await until(() => held.length === 1);
    for (const observation of numbered(30)) {
      recorder.observe(observation);
      await Promise.resolve();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sizes(held)).toEqual([1]);
    for (const { call, batch } of held) store(call, log, batch);
    await until(() => held.length === 2);
    expect(sizes(held)).toEqual([1, 30]);
  });

  test("the stated limits hold: entries a batch, batches in flight and their bytes, bytes a message", async () => {
    const log = new MemoryLog();
    const held: { call: AppendCall; batch: AppendBatch }[] = [];
    const limits = { ...LIMITS, maxInFlightBatches: 3, maxEntriesPerBatch: 70, maxInFlightBytes: 1_000_000n };
    const server = await serve({
      appendStream: onBatches((call, batch) => held.push({ call, batch }), limits),
    });
    const recorder = connect(server).recorder();
    const all = Promise.all(numbered(1000).map((observation) => recorder.observe(observation)));
    await until(() => held.length === 3);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sizes(held)).toEqual([70, 70, 70]);
    let answered = 0;
    while (log.ids.length < 1000) {
      await until(() => held.length > answered);
      const next = held[answered++] as (typeof held)[number];
      expect(held.length - answered).toBeLessThan(3);
      store(next.call, log, next.batch);
    }
    expect((await all).length).toBe(1000);
    expect(Math.max(...sizes(held))).toBe(70);
    expect(log.entries.map(({ entry }) => (entry.value as { content: string }).content)).toEqual(
      numbered(1000).map(({ content }) => content),
    );
  });

  test("large records are spread over messages and in-flight windows by their bytes", async () => {
    const log = new MemoryLog();
    const held: { call: AppendCall; batch: AppendBatch }[] = [];
    const limits = { ...LIMITS, maxBytesPerMessage: 25_000n, maxInFlightBytes: 45_000n };
    const server = await serve({
      appendStream: onBatches((call, batch) => held.push({ call, batch }), limits),
    });
    const recorder = connect(server).recorder();
    for (let i = 0; i < 7; i++) recorder.observe({ content: "x".repeat(10_000) });
    await until(() => held.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sizes(held)).toEqual([2, 2]);
    for (let i = 0; i < held.length || log.ids.length < 7; i++) {
      await until(() => held.length > i);
      const { call, batch } = held[i] as (typeof held)[number];
      store(call, log, batch);
    }
    expect(await recorder.flush()).toMatchObject({ stored: 7, pending: 0 });
  });
});

describe("rejection", () => {
  test("a rejected entry rejects its own record and nothing else", async () => {
    const log = new MemoryLog();
    const server = await serve({ appendStream: onBatches((call, batch) => store(call, log, batch)) });
    const told: string[] = [];
    const recorder = connect(server).recorder({
      onRejected: ({ id, error }) => told.push(`${id} ${error.code}`),
    });
    const results = await Promise.allSettled([
      recorder.observe({ id: "1", type: "good" }),
      recorder.observe({ id: "2", type: "bad" }),
      recorder.observe({ id: "3", type: "good" }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(log.ids).toEqual(["1", "3"]);
    expect(told).toEqual(["2 INVALID_ARGUMENT"]);
    expect(recorder.totals).toMatchObject({
      stored: 2,
      rejected: 1,
      lastPosition: 2n,
      firstRejection: { id: "2" },
    });
  });

  test("a record nobody awaits raises no unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", onUnhandled);
    const server = await serve({
      appendStream: onBatches((call, batch) => store(call, new MemoryLog(), batch)),
    });
    const recorder = connect(server).recorder();
    recorder.observe({ type: "bad" });
    expect(await recorder.flush()).toMatchObject({ rejected: 1 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off("unhandledRejection", onUnhandled);
    expect(unhandled).toEqual([]);
  });

  test("a value of the wrong type, a lone surrogate and an oversize record reject by name before they are sent", async () => {
    const log = new MemoryLog();
    const server = await serve({ appendStream: onBatches((call, batch) => store(call, log, batch)) });
    const recorder = connect(server).recorder();
    const wrong = recorder.observe({ content: 7 as unknown as string });
    const lone = recorder.observe({ content: "é\ud800" });
    const large = recorder.observe({ content: "x".repeat(1_048_600) });
    const good = recorder.observe({ content: "good" });
    await expect(wrong).rejects.toMatchObject({
      violations: [{ field: "content", description: "expected a string, got number 7" }],
    });
    await expect(lone).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    await expect(large).rejects.toMatchObject({ reason: "LIMIT_EXCEEDED", code: "INVALID_ARGUMENT" });
    await expect(good).resolves.toMatchObject({ position: 1n });
    expect(log.ids.length).toBe(1);
  });

  test("a batch refused for good rejects its records, the next batch goes on", async () => {
    const log = new MemoryLog();
    let refusals = 1;
    const server = await serve({
      appendStream: onBatches((call, batch) => {
        if (refusals-- > 0)
          sendAnswer(call, batch.sequence, { case: "error", value: { code: 3, message: "no" } });
        else store(call, log, batch);
      }),
    });
    const recorder = connect(server).recorder();
    await expect(recorder.observe({})).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: "no" });
    await expect(recorder.observe({})).resolves.toMatchObject({ position: 1n });
  });
});

describe("interruption", () => {
  test("a batch the server could not take is sent again with all behind it, whose rejections do not count", async () => {
    const log = new MemoryLog();
    let streams = 0;
    const resent: string[] = [];
    const server = await serve({
      appendStream: (call) => {
        const stream = ++streams;
        let batches = 0;
        onBatches(
          (_call, batch) => {
            const rejections = [{ index: 0, status: { code: 9, message: "its action is not there" } }];
            if (stream > 1) {
              resent.push(...batch.entries.map(idOf));
              store(call, log, batch);
            } else if (++batches === 1) {
              sendAnswer(call, batch.sequence, { case: "error", value: { code: 14, message: "later" } });
            } else {
              const positions = batch.entries.map(() => 0n);
              sendAnswer(call, batch.sequence, { case: "result", value: { positions, rejections } });
            }
          },
          { ...LIMITS, maxEntriesPerBatch: 5 },
        )(call);
      },
    });
    const recorder = connect(server).recorder();
    const saved = await Promise.all(numbered(40).map((observation) => recorder.observe(observation)));
    expect(resent).toEqual(saved.map(({ id }) => id));
    expect(log.ids).toEqual(resent);
  });

  test("a killed server loses nothing: what was not answered is sent again in order, and found to be there", async () => {
    const log = new MemoryLog();
    let seen = 0;
    const first = await serve({
      appendStream: onBatches(
        (_call, batch) => {
          seen++;
          // Stored, and the answer lost.
          log.append(batch.entries);
        },
        { ...LIMITS, maxEntriesPerBatch: 10 },
      ),
    });
    const interruptions: HoldfastError[] = [];
    const recorder = connect(first).recorder({ onInterrupted: (error) => interruptions.push(error) });
    const records = numbered(100).map((observation) => recorder.observe(observation));
    await until(() => seen === 4);
    first.kill();
    const more = numbered(100, 100).map((observation) => recorder.observe(observation));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await serve({ appendStream: onBatches((call, batch) => store(call, log, batch)) }, first.port);
    const saved = await Promise.all([...records, ...more]);
    expect(log.ids).toEqual(saved.map(({ id }) => id));
    expect(saved.map(({ position }) => position)).toEqual(log.ids.map((id) => log.positionOf(id)));
    expect(saved.filter(({ duplicate }) => duplicate).length).toBe(40);
    expect(interruptions.length).toBeGreaterThan(0);
  });

  test("a server that stops answering is left for another stream", async () => {
    const log = new MemoryLog();
    let streams = 0;
    const server = await serve({
      appendStream: (call) => {
        const stream = ++streams;
        onBatches((_call, batch) => {
          if (stream > 1) store(call, log, batch);
        })(call);
      },
    });
    const recorder = connect(server).recorder({ answerTimeoutMs: 1000 });
    await expect(recorder.observe({})).resolves.toMatchObject({ position: 1n });
    // Nothing is unanswered for longer than that, so the stream stays.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await expect(recorder.observe({})).resolves.toMatchObject({ position: 2n });
    expect(streams).toBe(2);
  });

  test("narrower limits after a reconnect split what was gathered under wider ones", async () => {
    const log = new MemoryLog();
    const { held, appendStream } = holding();
    const first = await serve({ appendStream });
    const recorder = connect(first).recorder();
    const all = Promise.all(numbered(100).map((observation) => recorder.observe(observation)));
    await until(() => held.length === 1);
    expect(sizes(held)).toEqual([100]);
    first.kill();
    const later: number[] = [];
    await serve(
      {
        appendStream: onBatches(
          (call, batch) => {
            later.push(batch.entries.length);
            store(call, log, batch);
          },
          { ...LIMITS, maxEntriesPerBatch: 30 },
        ),
      },
      first.port,
    );
    const saved = await all;
    expect(later).toEqual([30, 30, 30, 10]);
    expect(log.ids).toEqual(saved.map(({ id }) => id));
  });

  test("a drain stops sending on the stream, its answers are read, and another stream takes over", async () => {
    const log = new MemoryLog();
    const streams: { held: { call: AppendCall; batch: AppendBatch }[]; call: AppendCall }[] = [];
    const server = await serve({
      appendStream: (call) => {
        const stream = { call, held: [] as { call: AppendCall; batch: AppendBatch }[] };
        streams.push(stream);
        onBatches((_call, batch) => {
          if (streams.length === 1) stream.held.push({ call, batch });
          else store(call, log, batch);
        })(call);
      },
    });
    const recorder = connect(server).recorder();
    const before = recorder.observe({ id: "before" });
    await until(() => streams[0]?.held.length === 1);
    const { call, held } = streams[0] as (typeof streams)[number];
    sendDrain(call);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const after = recorder.observe({ id: "after" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([held.length, streams.length]).toEqual([1, 1]);
    store(call, log, (held[0] as (typeof held)[number]).batch);
    await Promise.all([before, after]);
    expect(log.ids).toEqual(["before", "after"]);
    expect(await before).toMatchObject({ duplicate: false });
    expect(streams.length).toBe(2);
  });

  test.each([
    [16, "UNAUTHENTICATED"],
    [7, "PERMISSION_DENIED"],
    [3, "INVALID_ARGUMENT"],
    [12, "UNIMPLEMENTED"],
  ])("a stream that ends with %i %s fails what waits, and the recorder stays usable", async (code, name) => {
    const log = new MemoryLog();
    let refuse = true;
    const server = await serve({
      appendStream: (call) => {
        if (refuse) call.emit("error", { code, details: "no" });
        else onBatches((batchCall, batch) => store(batchCall, log, batch))(call);
      },
    });
    const recorder = connect(server).recorder();
    await expect(recorder.observe({})).rejects.toMatchObject({ code: name });
    refuse = false;
    await expect(recorder.observe({})).resolves.toMatchObject({ position: 1n });
  });

  test.each<readonly [string, (call: AppendCall, batch: AppendBatch) => void]>([
    [
      "an answer to another batch than the oldest",
      (call, { sequence }) =>
        sendAnswer(call, sequence + 1n, { case: "result", value: { positions: [1n, 2n] } }),
    ],
    [
      "a batch that could not be stored by a defect of the server",
      (call, { sequence }) =>
        sendAnswer(call, sequence, { case: "error", value: { code: 13, message: "no" } }),
    ],
    [
      "an entry that could not be stored by a defect of the server",
      (call, { sequence }) => {
        const rejections = [{ index: 1, status: { code: 13, message: "no" } }];
        sendAnswer(call, sequence, { case: "result", value: { positions: [1n, 0n], rejections } });
      },
    ],
    [
      "an entry with neither a position nor a rejection",
      (call, { sequence }) => sendAnswer(call, sequence, { case: "result", value: { positions: [1n, 0n] } }),
    ],
    ["a stream that ends with INTERNAL", (call) => void call.emit("error", { code: 13, details: "no" })],
    ["a stream that ends with UNKNOWN", (call) => void call.emit("error", { code: 2, details: "no" })],
  ])("%s is no verdict: the batch is sent again on another stream", async (_, fail) => {
    const log = new MemoryLog();
    let failures = 3;
    const server = await serve({
      appendStream: onBatches((call, batch) => {
        if (failures-- > 0) fail(call, batch);
        else store(call, log, batch);
      }),
    });
    const interruptions: string[] = [];
    const recorder = connect(server).recorder({ onInterrupted: ({ code }) => interruptions.push(code) });
    const saved = await Promise.all([recorder.observe({}), recorder.observe({})]);
    expect(saved.map(({ position }) => position)).toEqual([1n, 2n]);
    expect(interruptions).toHaveLength(3);
    expect(recorder.totals).toMatchObject({ stored: 2, rejected: 0 });
  });
});

describe("the buffer", () => {
  test("a full buffer rejects with BUFFER_FULL, ready waits for half of it, and room returns", async () => {
    const log = new MemoryLog();
    const { held, appendStream } = holding();
    const server = await serve({ appendStream });
    const recorder = connect(server).recorder({ maxBufferedRecords: 10 });
    const accepted = numbered(10).map((observation) => recorder.observe(observation));
    await expect(recorder.observe({})).rejects.toMatchObject({
      reason: "BUFFER_FULL",
      code: "RESOURCE_EXHAUSTED",
    });
    let room = false;
    const ready = recorder.ready().then(() => {
      room = true;
    });
    await until(() => held.length === 1);
    expect(room).toBe(false);
    await expect(recorder.ready(AbortSignal.timeout(5))).rejects.toMatchObject({ code: "CANCELLED" });
    for (const { call, batch } of held) store(call, log, batch);
    await ready;
    expect((await Promise.all(accepted)).length).toBe(10);
    recorder.observe({});
    await until(() => held.length === 2);
  });

  test("bytes are bounded as well as records", async () => {
    const recorder = connect({ address: "127.0.0.1:1" }).recorder({ maxBufferedBytes: 1000 });
    recorder.observe({ content: "x".repeat(1000) });
    await expect(recorder.observe({})).rejects.toMatchObject({ reason: "BUFFER_FULL" });
  });

  test("a producer that awaits ready never overruns", async () => {
    const log = new MemoryLog();
    const server = await serve({ appendStream: onBatches((call, batch) => store(call, log, batch)) });
    const recorder = connect(server).recorder({ maxBufferedRecords: 50 });
    for (const observation of numbered(2000)) {
      await recorder.ready();
      recorder.observe(observation);
    }
    expect(await recorder.close()).toMatchObject({ stored: 2000, rejected: 0 });
  });
});

describe("the end", () => {
  test("close waits for what is there, ends the stream properly, and refuses more", async () => {
    const log = new MemoryLog();
    let ended = false;
    const server = await serve({
      appendStream: (call) => {
        call.on("end", () => {
          ended = true;
        });
        onBatches((batchCall, batch) => store(batchCall, log, batch))(call);
      },
    });
    const recorder = connect(server).recorder();
    for (const observation of numbered(1000)) recorder.observe(observation);
    expect(await recorder.close()).toMatchObject({ stored: 1000, pending: 0, lastPosition: 1000n });
    expect(ended).toBe(true);
    await expect(recorder.observe({})).rejects.toMatchObject({ reason: "CLOSED" });
    expect(await recorder.close()).toMatchObject({ stored: 1000 });
  });

  test("closing with abandon, by signal or by the recorder's own signal rejects what is left with ABANDONED", async () => {
    const { held, appendStream } = holding();
    const client = connect(await serve({ appendStream }));
    const own = new AbortController();
    const first = client.recorder();
    const second = client.recorder();
    const third = client.recorder({ signal: own.signal });
    const records = [first, second, third].map((recorder) => recorder.observe({}));
    await until(() => held.length === 3);
    const ends = [first.close({ abandon: true }), second.close({ signal: AbortSignal.timeout(5) })];
    own.abort(new Error("enough"));
    ends.push(third.close());
    for (const record of records)
      await expect(record).rejects.toMatchObject({ reason: "ABANDONED", code: "CANCELLED" });
    for (const totals of await Promise.all(ends)) expect(totals).toMatchObject({ rejected: 1, pending: 0 });
  });

  test("closing the client flushes its recorders; without a server it gives them up after the timeout", async () => {
    const log = new MemoryLog();
    const server = await serve({ appendStream: onBatches((call, batch) => store(call, log, batch)) });
    const client = connect(server);
    const stored = client.recorder().observe({});
    await client.close();
    await expect(stored).resolves.toMatchObject({ position: 1n });
    await expect(client.admin.getLogHead()).rejects.toMatchObject({ reason: "CLOSED" });
    const away = connect({ address: "127.0.0.1:1" });
    const lost = away.recorder().observe({});
    await away.close({ timeoutMs: 30 });
    await expect(lost).rejects.toBeInstanceOf(HoldfastError);
  });

  test("flush waits for what was recorded before it and not for what comes after", async () => {
    const log = new MemoryLog();
    const { held, appendStream } = holding();
    const server = await serve({ appendStream });
    const recorder = connect(server).recorder();
    recorder.observe({});
    const flushed = recorder.flush();
    await until(() => held.length === 1);
    recorder.observe({});
    const { call, batch } = held[0] as (typeof held)[number];
    store(call, log, batch);
    expect(await flushed).toMatchObject({ stored: 1, pending: 1 });
    await expect(recorder.flush(AbortSignal.timeout(5))).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("an unopened stream that the server ends again and again is opened with growing waits, not in a loop", async () => {
    let opened = 0;
    const server = await serve({
      appendStream: (call) => {
        opened++;
        call.end();
      },
    });
    const recorder = connect(server, { retry: { initialDelayMs: 40, maxDelayMs: 1000 } }).recorder();
    recorder.observe({});
    const start = performance.now();
    await until(() => opened > 3);
    // Waits of 40, 80 and 160 ms, each at least half of it.
    expect(performance.now() - start).toBeGreaterThan(100);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(opened).toBeLessThan(40);
  });
});
