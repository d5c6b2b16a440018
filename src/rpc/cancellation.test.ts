import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Metadata, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import type { HoldfastError } from "../core/errors.js";
import type { CallContext } from "./call-context.js";
import { collect, ended, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { openRawStream } from "./testing/raw-stream.js";

/** A promise and the function that resolves it. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function aborted({ signal }: CallContext): Promise<HoldfastError> {
  if (!signal.aborted) await once(signal, "abort");
  return signal.reason;
}

test("cancelling a unary call aborts its signal", async () => {
  const begun = deferred<void>();
  const reason = deferred<HoldfastError>();
  const { client } = await startEchoServer({
    handlers: {
      async unary(request, context) {
        begun.resolve();
        reason.resolve(await aborted(context));
        return request;
      },
    },
  });
  const answer = client.unary("a");
  const failed = failure(answer);
  await begun.promise;
  answer.call.cancel();

  expect((await failed).code).toBe(status.CANCELLED);
  expect((await reason.promise).reason).toBe(ErrorReason.CANCELLED);
});

test("a client that leaves a stream early closes the handler's iterator", async () => {
  const closed = deferred<string>();
  const { client } = await startEchoServer({
    handlers: {
      async *serverStream(request, { signal }) {
        try {
          for (;;) {
            yield request;
            await delay(1);
          }
        } finally {
          closed.resolve(signal.aborted ? "aborted" : "not aborted");
        }
      },
    },
  });
  const call = client.serverStream("a");
  await once(call, "data");
  // Leaving `for await` is not enough with grpc-js; cancelling is.
  call.cancel();
  expect(await closed.promise).toBe("aborted");
});

test("an iterator that waits for nothing in particular is closed from outside", async () => {
  const begun = deferred<void>();
  const returned = deferred<void>();
  const { client } = await startEchoServer({
    handlers: {
      serverStream: () => ({
        [Symbol.asyncIterator]: () => ({
          next() {
            begun.resolve();
            return new Promise(() => undefined);
          },
          async return() {
            returned.resolve();
            return { done: true as const, value: undefined };
          },
        }),
      }),
    },
  });
  const call = client.serverStream("a");
  const over = ended(call);
  await begun.promise;
  call.cancel();
  expect((await over).code).toBe(status.CANCELLED);
  await returned.promise;
});

test("a client that cancels is not taken for one that has finished sending", async () => {
  const outcomes: string[] = [];
  const { client } = await startEchoServer({
    handlers: {
      async *bidi(requests) {
        try {
          for await (const request of requests) yield request;
          outcomes.push("finished");
        } catch {
          outcomes.push("cancelled");
        }
      },
    },
  });
  for (let round = 0; round < 50; round++) {
    const call = client.bidi();
    call.write("a");
    await once(call, "data");
    call.cancel();
    await ended(call);
  }
  await expect.poll(() => outcomes).toEqual(Array(50).fill("cancelled"));
});

test("a handler waiting for requests is woken when the client cancels", async () => {
  const outcome = deferred<unknown>();
  const { client } = await startEchoServer({
    handlers: {
      async *bidi(requests) {
        try {
          for await (const request of requests) yield request;
          outcome.resolve("ended");
        } catch (error) {
          outcome.resolve(error);
          throw error;
        }
      },
    },
  });
  const call = client.bidi();
  call.write("a");
  await once(call, "data");
  call.cancel();
  expect(await outcome.promise).toMatchObject({ reason: ErrorReason.CANCELLED });
});

test("a handler waiting for a slow reader is woken when the client cancels", async () => {
  const closed = deferred<void>();
  const { client } = await startEchoServer({
    handlers: {
      async *serverStream() {
        try {
          for (;;) yield { value: "x".repeat(100_000) };
        } finally {
          closed.resolve();
        }
      },
    },
  });
  const call = client.serverStream("");
  await once(call, "data");
  call.pause();
  await delay(100);
  call.cancel();
  await closed.promise;
});

test("a connection that breaks aborts its calls", async () => {
  const begun = deferred<void>();
  const reason = deferred<HoldfastError>();
  const { address } = await startEchoServer({
    handlers: {
      async unary(request, context) {
        begun.resolve();
        reason.resolve(await aborted(context));
        return request;
      },
    },
  });
  const stream = openRawStream(address);
  stream.sendFrame(Buffer.from([0x0a, 0x01, 0x61]));
  void stream.close();
  await begun.promise;
  stream.breakConnection();
  expect((await reason.promise).reason).toBe(ErrorReason.CANCELLED);
});

test("a deadline aborts the handler, which can see it coming", async () => {
  const seen = deferred<{ deadline: Date | undefined; latest: number; error: HoldfastError }>();
  const { address, logLines } = await startEchoServer({
    handlers: {
      async unary(request, context) {
        const latest = Date.now() + 100;
        seen.resolve({ deadline: context.deadline, latest, error: await aborted(context) });
        return request;
      },
    },
  });
  // Bare HTTP/2: a gRPC client has a timer of its own, which may be first.
  const earliest = Date.now() + 100;
  const stream = openRawStream(address, { "grpc-timeout": "100m" });
  stream.sendFrame(Buffer.from([0x0a, 0x01, 0x61]));
  expect(await stream.close()).toMatchObject({ "grpc-status": String(status.DEADLINE_EXCEEDED) });

  const { deadline, latest, error } = await seen.promise;
  expect(deadline?.getTime()).toBeGreaterThanOrEqual(earliest);
  expect(deadline?.getTime()).toBeLessThanOrEqual(latest);
  expect(error.reason).toBe(ErrorReason.DEADLINE_EXCEEDED);
  expect(logLines).toMatchObject([{ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" }]);
});

test("a gRPC client sees its deadline pass", async () => {
  const { client } = await startEchoServer({ handlers: { unary: () => new Promise(() => undefined) } });
  const error = await failure(client.unary("a", new Metadata(), { deadline: Date.now() + 50 }));
  expect(error.code).toBe(status.DEADLINE_EXCEEDED);
});

test("a call without a deadline has none", async () => {
  const told = deferred<Date | undefined>();
  const { client } = await startEchoServer({
    handlers: {
      async unary(request, { deadline }) {
        told.resolve(deadline);
        return request;
      },
    },
  });
  await client.unary("a");
  expect(await told.promise).toBeUndefined();
});

test("a deadline ends a stream whose handler does not notice", async () => {
  const { client } = await startEchoServer({
    handlers: {
      async *serverStream(request) {
        yield request;
        await new Promise(() => undefined);
      },
    },
  });
  // As long as it takes until the answer comes before the deadline.
  for (let deadlineMs = 100, texts: string[] = []; texts.length === 0; deadlineMs *= 4) {
    const call = await collect(client.serverStream("a", { deadline: Date.now() + deadlineMs }));
    expect(call.status.code).toBe(status.DEADLINE_EXCEEDED);
    texts = call.texts;
  }
});

test("a long stream leaves nothing behind per message", async () => {
  const { client } = await startEchoServer({
    handlers: {
      async *serverStream(request) {
        for (let index = 0; index < 20_000; index++) yield request;
      },
    },
  });
  const { texts, status: end } = await collect(client.serverStream("a"));
  expect(end.code).toBe(status.OK);
  expect(texts).toHaveLength(20_000);
});
