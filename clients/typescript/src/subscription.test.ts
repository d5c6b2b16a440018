import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  type Event,
  type SubscribeRequest,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "../../../gen/holdfast/v1/event_pb.js";
import { EntityKind } from "../../../gen/holdfast/v1/log_pb.js";
import { type Cursor, cursorFromMessage } from "./follow/cursor.js";
import { until } from "./testing/until.js";
import { useServers } from "./testing/use-servers.js";

const { serve, connect } = useServers();
const LOG_ID = "log-1";

type SubscribeCall = ServerWritableStream<SubscribeRequest, SubscribeResponse>;

interface Answer extends Omit<MessageInitShape<typeof SubscribeResponseSchema>, "$typeName"> {
  readonly position?: bigint;
  readonly logId?: string;
}

/** A hash that only its commit has. */
function hashOf(position: bigint): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, () => Number(position % 256n));
}

/** As if the log had a commit that ends at each position. */
function response({ position = 0n, logId = LOG_ID, ...init }: Answer): SubscribeResponse {
  const cursor = { logId, position, commitPosition: position, commitHash: hashOf(position) };
  return create(SubscribeResponseSchema, { cursor, ...init });
}

/** A cursor as `response` gives it. */
function cursorAt(position: bigint, logId = LOG_ID): Cursor {
  return { logId, position, commitPosition: position, commitHash: hashOf(position) };
}

/** Events `from` to `to`, and the page's position, which may be further. */
function page(from: number, to: number, more: Answer = {}) {
  const events = Array.from({ length: to - from + 1 }, (_, i) => ({
    position: BigInt(from + i),
    entity: { case: "observation" as const, value: { content: String(from + i) } },
  }));
  return response({ events, position: BigInt(to), ...more });
}

/** A server whose log holds `end` events and which sends pages of `size`, then stays. */
function logOf(
  end: number,
  size: number,
  onPage: (call: SubscribeCall, last: number) => boolean = () => true,
) {
  const requests: SubscribeRequest[] = [];
  const subscribe = (call: SubscribeCall) => {
    requests.push(call.request);
    for (let at = Number(call.request.after?.position ?? BigInt(end)); at < end; at += size) {
      const last = Math.min(at + size, end);
      call.write(page(at + 1, last, { caughtUp: last === end }));
      if (!onPage(call, last)) return;
    }
  };
  return { requests, subscribe };
}

async function take(source: AsyncIterable<Event>, count: number): Promise<number[]> {
  const positions: number[] = [];
  for await (const event of source) {
    positions.push(Number(event.position));
    if (positions.length === count) break;
  }
  return positions;
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

describe("a subscription", () => {
  test("says that it was opened to whoever asks, before it is iterated over, meanwhile and afterwards", async () => {
    const { subscribe } = logOf(3, 3);
    const subscription = connect(await serve({ subscribe })).events.subscribe({ after: "start" });
    const before = subscription.opened();
    const events = subscription[Symbol.asyncIterator]();
    const first = events.next();
    await subscription.opened();
    await before;
    expect((await first).value?.position).toBe(1n);
    // There is no second page.
    await subscription.opened();
    expect((await events.next()).value?.position).toBe(2n);
    await events.return(undefined);
    await subscription.opened();
  });

  test("that began by iterating says that it was opened without waiting for a second page", async () => {
    const { subscribe } = logOf(1, 1);
    const subscription = connect(await serve({ subscribe })).events.subscribe({ after: "start" });
    for await (const { position } of subscription) {
      await subscription.opened();
      expect(position).toBe(1n);
      break;
    }
  });

  test("that cannot be opened says why to whoever asks and to whoever iterates", async () => {
    const subscription = connect(await serve({})).events.subscribe();
    await expect(subscription.opened()).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
    await expect(subscription[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
    });
    await expect(subscription.opened()).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
  });

  test("asks for what it is told: place, log, filter", async () => {
    const { requests, subscribe } = logOf(9, 9);
    const client = connect(await serve({ subscribe }));
    const selection = { sessionIds: ["s"], agentIds: ["a"], kinds: [EntityKind.ACTION] };
    await take(client.events.subscribe({ after: cursorAt(7n), ...selection }), 2);
    await take(client.events.subscribe({ after: "start" }), 1);
    expect(cursorFromMessage(requests[0]?.after)).toEqual(cursorAt(7n));
    expect(requests[0]).toMatchObject({
      filter: { sessionIds: ["s"], agentIds: ["a"], entityKinds: [EntityKind.ACTION] },
    });
    expect(requests[1]).toMatchObject({ after: { position: 0n, logId: "" } });
  });

  test("goes on without gap or duplicate when the stream is cut between and within pages", async () => {
    let cuts = 0;
    const { requests, subscribe } = logOf(100, 7, (call, last) => {
      if (last % 3 !== 0 || cuts >= 5) return true;
      cuts++;
      call.emit("error", { code: 14, details: "cut" });
      return false;
    });
    const client = connect(await serve({ subscribe }));
    const interruptions: string[] = [];
    const subscription = client.events.subscribe({
      after: "start",
      onInterrupted: ({ code }) => interruptions.push(code),
    });
    expect(await take(subscription, 100)).toEqual(upTo(100));
    expect(interruptions).toEqual(Array(cuts).fill("UNAVAILABLE"));
    expect(cuts).toBeGreaterThan(2);
    for (const { after } of requests.slice(1)) {
      expect(cursorFromMessage(after)).toEqual(cursorAt(after?.position ?? 0n));
    }
  });

  test("survives a server killed while the consumer is in the middle of a page", async () => {
    const { subscribe } = logOf(20, 10, (_call, last) => last < 20);
    const first = await serve({ subscribe: (call) => void call.write(page(1, 10)) });
    const subscription = connect(first).events.subscribe({ after: "start" });
    const seen: number[] = [];
    for await (const event of subscription) {
      seen.push(Number(event.position));
      if (event.position === 5n) {
        first.kill();
        await serve({ subscribe }, first.port);
      }
      if (event.position === 20n) break;
    }
    expect(seen).toEqual(upTo(20));
  });

  test("resumes after the page's position when that is beyond its last event", async () => {
    const asked: unknown[] = [];
    const server = await serve({
      subscribe: (call) => {
        asked.push(call.request.after?.position);
        if (asked.length === 1) {
          call.write(page(1, 3, { position: 50n }));
          call.write(response({ position: 60n }));
          call.end();
        } else {
          call.write(page(61, 61));
        }
      },
    });
    const subscription = connect(server).events.subscribe({ after: "start" });
    expect(await take(subscription, 4)).toEqual([1, 2, 3, 61]);
    expect(asked).toEqual([0n, 60n]);
  });

  test("knows its cursor event by event, and when it has caught up", async () => {
    const server = await serve({
      subscribe: (call) => {
        call.write(page(1, 2));
        call.write(page(3, 3, { caughtUp: true, position: 9n }));
        call.write(page(10, 10, { caughtUp: true }));
      },
    });
    const subscription = connect(server).events.subscribe({ after: "start" });
    const seen: unknown[] = [];
    for await (const event of subscription) {
      seen.push([event.position, subscription.cursor?.position, subscription.caughtUp]);
      if (event.position === 10n) break;
    }
    expect(seen).toEqual([
      [1n, 1n, false],
      [2n, 2n, false],
      [3n, 3n, false],
      [10n, 10n, true],
    ]);
    expect(subscription.cursor).toEqual(cursorAt(10n));
  });

  test("hands out pages with their checkpoints to who wants them", async () => {
    const server = await serve({
      subscribe: (call) => {
        call.write(page(1, 2));
        call.write(response({ position: 8n, caughtUp: true }));
      },
    });
    const pages: unknown[] = [];
    for await (const { events, cursor, caughtUp } of connect(server)
      .events.subscribe({ after: "start" })
      .pages()) {
      pages.push([events.length, cursor.position, caughtUp]);
      if (caughtUp) break;
    }
    expect(pages).toEqual([
      [2, 2n, false],
      [0, 8n, true],
    ]);
  });

  test("opened at now, resumes from the place the server confirmed", async () => {
    const asked: unknown[] = [];
    const calls: SubscribeCall[] = [];
    const server = await serve({
      subscribe: (call) => {
        asked.push(call.request.after?.position);
        calls.push(call);
        if (asked.length === 1) call.write(response({ position: 41n, caughtUp: true }));
        else call.write(page(42, 42));
      },
    });
    const subscription = connect(server).events.subscribe();
    await subscription.opened();
    calls[0]?.emit("error", { code: 14, details: "cut" });
    expect(await take(subscription, 1)).toEqual([42]);
    expect(asked).toEqual([undefined, 41n]);
  });

  test("leaving the loop, closing and the signal each cancel the call in the server", async () => {
    let cancelled = 0;
    const server = await serve({
      subscribe: (call) => {
        call.on("cancelled", () => cancelled++);
        call.write(page(1, 5));
      },
    });
    const client = connect(server);
    await take(client.events.subscribe({ after: "start" }), 2);
    await until(() => cancelled === 1);

    const closed = client.events.subscribe({ after: "start" });
    const taken = take(closed, 6);
    await until(() => closed.cursor?.position === 5n);
    closed.close();
    expect(await taken).toEqual(upTo(5));
    await until(() => cancelled === 2);

    const abort = new AbortController();
    const followed = client.events.subscribe({ after: "start", signal: abort.signal });
    const aborted = take(followed, 6);
    const refused = expect(aborted).rejects.toMatchObject({
      code: "CANCELLED",
      cause: { message: "enough" },
    });
    await until(() => followed.cursor?.position === 5n);
    abort.abort(new Error("enough"));
    await refused;
    await until(() => cancelled === 3);
  });

  test("ends with the client, also while it waits between attempts", async () => {
    const server = await serve({ subscribe: (call) => void call.write(page(1, 1)) });
    const client = connect(server);
    const subscription = client.events.subscribe({ after: "start" });
    const reading = take(subscription, 2);
    await until(() => subscription.cursor?.position === 1n);
    await client.close();
    expect(await reading).toEqual([1]);
    const away = connect(
      { address: "127.0.0.1:1" },
      { retry: { initialDelayMs: 60_000, maxDelayMs: 60_000 } },
    );
    const waiting = take(away.events.subscribe({ after: "start" }), 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await away.close();
    expect(await waiting).toEqual([]);
  });

  test("throws at once for what waiting does not mend", async () => {
    let calls = 0;
    const server = await serve({
      subscribe: (call) => {
        calls++;
        call.emit("error", { code: 9, details: "another log" });
      },
    });
    const refused = take(connect(server).events.subscribe({ after: cursorAt(1n, "x") }), 1);
    await expect(refused).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: "another log" });
    expect(calls).toBe(1);
  });

  test("refuses a server that answers from another log", async () => {
    const server = await serve({ subscribe: (call) => void call.write(page(1, 1, { logId: "another" })) });
    const foreign = take(connect(server).events.subscribe({ after: cursorAt(0n) }), 1);
    await expect(foreign).rejects.toMatchObject({ reason: "FOREIGN_CURSOR" });
  });

  test("a slow consumer holds the server back instead of filling memory", async () => {
    let written = 0;
    let waits = 0;
    const bulk = "x".repeat(100_000);
    const server = await serve({
      subscribe: async (call) => {
        const total = 300;
        for (let at = 1; at <= total; at++) {
          const events = [
            { position: BigInt(at), entity: { case: "observation" as const, value: { content: bulk } } },
          ];
          written++;
          if (!call.write(response({ events, position: BigInt(at) }))) {
            waits++;
            await new Promise((resolve) => call.once("drain", resolve));
          }
        }
      },
    });
    const seen: number[] = [];
    for await (const event of connect(server).events.subscribe({ after: "start" })) {
      seen.push(Number(event.position));
      if (event.position === 2n) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        // 300 pages are 30 MB. What may be under way: the server's own stream buffer and the HTTP/2 window.
        expect(written).toBeLessThan(40);
        expect(waits).toBeGreaterThan(0);
      }
      if (event.position === 300n) break;
    }
    expect(seen).toEqual(upTo(300));
  });

  test("can be iterated over once", async () => {
    const { subscribe } = logOf(3, 3);
    const subscription = connect(await serve({ subscribe })).events.subscribe({ after: "start" });
    await take(subscription, 1);
    await expect(take(subscription, 1)).rejects.toThrow("once");
  });
});
