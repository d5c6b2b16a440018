import { once } from "node:events";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { FRAME } from "../../fuzz/http2-frames.js";
import type { CallContext } from "./call-context.js";
import { collect, ended, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { ECHO_TYPE_NAME } from "./testing/echo-service.js";
import { FramePeer } from "./testing/frame-peer.js";
import { openRawStream } from "./testing/raw-stream.js";
import { reasonOf } from "./testing/status-details.js";

/** Milliseconds: whoever waited for a drain as long as it may take would not end before the test does. */
const FOREVER_MS = 600_000;

test("a drain lets calls in flight finish and tells streams to move", async () => {
  const { promise: isBegun, resolve: begun } = deferred();
  const { client, server } = await startEchoServer({
    handlers: {
      async unary(request, { draining }) {
        begun();
        if (!draining.aborted) await once(draining, "abort");
        return request;
      },
      async *bidi(_requests, { draining }) {
        yield { value: "open" };
        if (!draining.aborted) await once(draining, "abort");
        yield { value: "drain" };
      },
    },
  });
  const stream = client.bidi();
  const streamed = collect(stream);
  await once(stream, "data");
  const answer = client.unary("a");
  await isBegun;
  await server.drain(FOREVER_MS);

  expect((await answer).text).toBe("a");
  expect(await streamed).toMatchObject({ texts: ["open", "drain"], status: { code: status.OK } });
  expect((await failure(client.unary("late"))).code).toBe(status.UNAVAILABLE);
});

test("calls that outlive the drain are ended with SERVER_DRAINING, whatever their handlers do", async () => {
  const contexts: CallContext[] = [];
  const { promise: areBegun, resolve: begun } = deferred();
  const { client, server } = await startEchoServer({
    handlers: {
      async unary(_request, context) {
        if (contexts.push(context) === 2) begun();
        return new Promise(() => undefined);
      },
      async *serverStream(request, context) {
        if (contexts.push(context) === 2) begun();
        yield request;
        await once(context.signal, "abort");
      },
    },
  });
  const refused = failure(client.unary("a"));
  const stream = collect(client.serverStream("a"));
  await areBegun;
  const startMs = performance.now();
  await server.drain(200);

  expect(performance.now() - startMs).toBeGreaterThan(150);
  for (const failed of [await refused, (await stream).status]) {
    expect(failed.code).toBe(status.UNAVAILABLE);
    expect(reasonOf(failed)).toBe("SERVER_DRAINING");
  }
  expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
});

test("a drain is not held up by a peer that reads nothing and never leaves", async () => {
  const { promise: isBegun, resolve: begun } = deferred();
  const { server, address } = await startEchoServer({
    handlers: {
      unary() {
        begun();
        return new Promise(() => undefined);
      },
    },
  });
  const peer = openRawStream(address);
  peer.sendFrame(Buffer.alloc(0));
  void peer.close();
  await isBegun;
  await server.drain(100);
});

test("closing cuts a drain short", async () => {
  const { promise: isBegun, resolve: begun } = deferred();
  const { client, server } = await startEchoServer({
    handlers: {
      async unary(_request, { signal }) {
        begun();
        await once(signal, "abort");
        throw signal.reason;
      },
    },
  });
  const refused = failure(client.unary("a"));
  await isBegun;
  const drained = server.drain(FOREVER_MS);
  await server.close();
  await drained;
  expect((await refused).code).toBe(status.UNAVAILABLE);
});

/** A stream that says when it was opened, and when it was told to move. */
const MOVING = {
  async *bidi(_requests: unknown, { draining, signal }: CallContext) {
    yield { value: "open" };
    if (!draining.aborted) await once(draining, "abort", { signal });
    yield { value: "drain" };
  },
};

test("a server that announces its drain serves calls and new streams, and tells no stream to move until then", async () => {
  const { client, server } = await startEchoServer({
    handlers: MOVING,
    settings: { drainAnnounceMs: FOREVER_MS },
  });
  const before = collect(client.bidi());
  expect((await client.unary("a")).text).toBe("a");
  const drained = server.drain(FOREVER_MS);
  const during = client.bidi();
  const heard = collect(during);
  await once(during, "data");
  expect((await client.unary("still")).text).toBe("still");
  // On this connection the answers come in order: nobody was told anything before the last one.
  expect(await Promise.all([before, heard].map(isOver))).toEqual([false, false]);
  await server.close();
  await drained;
  for (const { texts } of [await before, await heard]) expect(texts[0]).toBe("open");
  expect((await failure(client.unary("late"))).code).toBe(status.UNAVAILABLE);
});

test("a drain says so on the connection first, then to its streams", async () => {
  const DATA: number = FRAME.data;
  const GOAWAY: number = FRAME.goaway;
  const { server, address } = await startEchoServer({ handlers: MOVING });
  const peer = await FramePeer.open(address);
  peer.call(1, `/${ECHO_TYPE_NAME}/Bidi`);
  await peer.until(({ type, stream }) => type === DATA && stream === 1);
  const drained = server.drain(FOREVER_MS);
  await peer.until(({ type, stream }) => type === DATA && stream === 1);
  expect(peer.received.map(({ type }) => type).filter((type) => [DATA, GOAWAY].includes(type))).toEqual([
    DATA,
    GOAWAY,
    DATA,
  ]);
  // Whatever is sent later was not served, and may be sent again elsewhere.
  expect(peer.received.find(({ type }) => type === GOAWAY)?.payload.readUInt32BE(0)).toBe(1);
  peer.close();
  await drained;
});

test("the streams of a connection that is old are told to move, and new calls go over another one", async () => {
  const { client, metrics } = await startEchoServer({
    handlers: MOVING,
    settings: { maxConnectionAgeMs: 500, maxConnectionAgeGraceMs: FOREVER_MS },
  });
  for (let round = 0; round < 2; round++) {
    expect(await collect(client.bidi())).toMatchObject({
      texts: ["open", "drain"],
      status: { code: status.OK },
    });
    expect((await client.unary("served")).text).toBe("served");
  }
  client.close();
  // Nothing of those that were left behind stays open.
  await expect.poll(() => metrics.metrics()).toMatch(/^holdfast_open_connections 0$/m);
});

test("what does not move off an old connection is cut with it", async () => {
  const { client } = await startEchoServer({
    handlers: {
      async *serverStream(request, { signal }) {
        yield request;
        await once(signal, "abort");
      },
    },
    settings: { maxConnectionAgeMs: 1000, maxConnectionAgeGraceMs: 100 },
  });
  const { texts, status: end } = await collect(client.serverStream("a"));
  expect(texts).toEqual(["a"]);
  expect(end.code).not.toBe(status.OK);
});

test("closing twice, or a server that never listened, is quiet", async () => {
  const { server, client } = await startEchoServer();
  const call = client.bidi();
  const open = ended(call);
  call.write("a");
  await once(call, "data");
  await Promise.all([server.close(), server.close()]);
  await server.close();
  expect((await open).code).toBe(status.UNAVAILABLE);
});

/** Whether it is settled now. */
function isOver(work: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    work.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(resolve, false)),
  ]);
}

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
