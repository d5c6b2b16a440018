import { once } from "node:events";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { CallContext } from "./call-context.js";
import { collect, ended, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
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

test("a server that announces its drain serves new calls until it closes", async () => {
  const { client, server } = await startEchoServer({ settings: { drainAnnounceMs: 200 } });
  await client.unary("a");
  const drained = server.drain(5000);
  expect(server.draining.aborted).toBe(true);
  expect((await client.unary("still")).text).toBe("still");
  await drained;
  expect((await failure(client.unary("late"))).code).toBe(status.UNAVAILABLE);
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

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
