import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { collect, type EchoClient, ended } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";

const KIB = 1024;
const MESSAGE = "x".repeat(16 * KIB);
// A stream can hold: our write buffer and a message, and on its way the HTTP/2 windows of both ends (64 KiB a
// stream) and what sockets and streams keep. Unbounded, it would be thousands.
const MOST_MESSAGES_IN_BETWEEN = 64;

/**
 * Reads one message and then no more. A grpc-js client that never began to read would take in everything: it
 * pauses the connection only after handing a message on.
 */
async function readOne(call: ReturnType<EchoClient["serverStream"]>): Promise<void> {
  await once(call, "data");
  call.pause();
}

/** Waits until a count has stopped growing. */
async function settled(count: () => number): Promise<number> {
  for (;;) {
    const before = count();
    await delay(100);
    if (before > 0 && count() === before) return before;
  }
}

test("a handler is not asked for more answers than a slow reader takes", async () => {
  let yielded = 0;
  const { client } = await startEchoServer({
    handlers: {
      async *serverStream() {
        for (; yielded < 5000; yielded++) yield { value: MESSAGE };
      },
    },
  });
  const call = client.serverStream("");
  await readOne(call);
  const stalledAt = await settled(() => yielded);
  expect(stalledAt).toBeLessThan(MOST_MESSAGES_IN_BETWEEN);

  // Reading on lets it go on, to the end and without a loss.
  let received = 1;
  call.on("data", () => received++);
  call.resume();
  expect((await ended(call)).code).toBe(status.OK);
  expect(received).toBe(5000);
});

test("a slow reader of a bidi stream is obeyed as well", async () => {
  let yielded = 0;
  const { client } = await startEchoServer({
    handlers: {
      async *bidi() {
        for (; yielded < 5000; yielded++) yield { value: MESSAGE };
      },
    },
  });
  const call = client.bidi();
  await readOne(call);
  expect(await settled(() => yielded)).toBeLessThan(MOST_MESSAGES_IN_BETWEEN);
  call.cancel();
});

test("a handler that stops reading stops the client from sending", async () => {
  let goOn: (() => void) | undefined;
  let read = 0;
  const { client } = await startEchoServer({
    handlers: {
      async clientStream(requests) {
        for await (const _ of requests) {
          read++;
          if (read === 1) {
            await new Promise<void>((resolve) => {
              goOn = resolve;
            });
          }
        }
        return { value: String(read) };
      },
    },
  });
  const { call, answer } = client.clientStream();
  let sent = 0;
  async function sendAll() {
    for (let index = 0; index < 500; index++) {
      await new Promise<void>((resolve) => call.write(MESSAGE, () => resolve()));
      sent++;
    }
    call.end();
  }
  const sending = sendAll();
  await expect.poll(() => read).toBe(1);
  const stalledAt = await settled(() => sent);
  expect(stalledAt).toBeLessThan(MOST_MESSAGES_IN_BETWEEN);
  expect(read).toBe(1);

  goOn?.();
  await sending;
  expect(await answer).toBe("500");
});

test("a stalled reader does not hold up another call on the same connection", async () => {
  const { client } = await startEchoServer({
    handlers: {
      async *serverStream({ value }) {
        for (let index = 0; index < (value === "long" ? 1000 : 3); index++) yield { value: MESSAGE };
      },
    },
  });
  const stalled = client.serverStream("long");
  await readOne(stalled);
  await delay(100);
  expect((await collect(client.serverStream("short"))).texts).toHaveLength(3);
  stalled.cancel();
});
