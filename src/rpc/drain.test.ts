import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { CallContext } from "./call-context.js";
import { collect, ended, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { openRawStream } from "./testing/raw-stream.js";
import { reasonOf } from "./testing/status-details.js";

test("a drain lets calls in flight finish and tells streams to move", async () => {
  const { client, server } = await startEchoServer({
    handlers: {
      async unary(request) {
        await delay(100);
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
  await delay(20);
  const startMs = performance.now();
  await server.drain(5000);

  expect(performance.now() - startMs).toBeLessThan(2000);
  expect((await answer).text).toBe("a");
  expect(await streamed).toMatchObject({ texts: ["open", "drain"], status: { code: status.OK } });
  expect((await failure(client.unary("late"))).code).toBe(status.UNAVAILABLE);
});

test("calls that outlive the drain are ended with SERVER_DRAINING, whatever their handlers do", async () => {
  const contexts: CallContext[] = [];
  const { client, server } = await startEchoServer({
    handlers: {
      async unary(_request, context) {
        contexts.push(context);
        return new Promise(() => undefined);
      },
      async *serverStream(request, context) {
        contexts.push(context);
        yield request;
        await once(context.signal, "abort");
      },
    },
  });
  const refused = failure(client.unary("a"));
  const stream = collect(client.serverStream("a"));
  await delay(50);
  const startMs = performance.now();
  await server.drain(200);

  expect(performance.now() - startMs).toBeGreaterThan(150);
  expect(performance.now() - startMs).toBeLessThan(1500);
  for (const failed of [await refused, (await stream).status]) {
    expect(failed.code).toBe(status.UNAVAILABLE);
    expect(reasonOf(failed)).toBe("SERVER_DRAINING");
  }
  expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
});

test("a drain is not held up by a peer that reads nothing and never leaves", async () => {
  const { server, address } = await startEchoServer();
  openRawStream(address);
  await delay(50);
  const startMs = performance.now();
  await server.drain(100);
  expect(performance.now() - startMs).toBeLessThan(1500);
});

test("closing cuts a drain short", async () => {
  const { client, server } = await startEchoServer({
    handlers: {
      async unary(_request, { signal }) {
        await once(signal, "abort");
        throw signal.reason;
      },
    },
  });
  const refused = failure(client.unary("a"));
  await delay(50);
  const startMs = performance.now();
  const drained = server.drain(60_000);
  await delay(50);
  await server.close();
  await drained;
  expect(performance.now() - startMs).toBeLessThan(1500);
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
  const open = ended(client.bidi());
  await delay(20);
  await Promise.all([server.close(), server.close()]);
  await server.close();
  expect((await open).code).toBe(status.UNAVAILABLE);
});
