import { constants } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type { Registry } from "prom-client";
import { expect, test } from "vitest";
import { SilentReader } from "../../test/support/silent-reader.js";
import { startEchoServer } from "./testing/echo-server.js";
import { createEchoDescriptor } from "./testing/echo-service.js";

const { method } = createEchoDescriptor();
const MESSAGE = "x".repeat(16 * 1024);
const REFUSED = { rstCode: constants.NGHTTP2_REFUSED_STREAM, status: undefined };

async function value(metrics: Registry, name: string, labels: object = {}): Promise<number> {
  const { values } = (await metrics.getSingleMetric(name)?.get()) ?? { values: [] };
  const wanted = values.filter((each) =>
    Object.entries(labels).every(([key, text]) => each.labels[key] === text),
  );
  return wanted.reduce((sum, each) => sum + each.value, 0);
}

function silentReader(address: string): SilentReader {
  const [host = "", port] = address.split(":");
  return new SilentReader({ host, port: Number(port) });
}

async function expectNothingUnsent(metrics: Registry): Promise<void> {
  while ((await value(metrics, "holdfast_unsent_bytes")) > 0) await delay(10);
  while ((await value(metrics, "holdfast_unread_calls")) > 0) await delay(10);
}

test("a call of which nothing is read ends, whatever its kind, and gives back what was held", async () => {
  let closed = 0;
  const { address, metrics } = await startEchoServer({
    settings: { unreadTimeoutMs: 300 },
    handlers: {
      async *serverStream(request) {
        try {
          for (;;) yield request;
        } finally {
          closed += 1;
        }
      },
    },
  });
  const reader = silentReader(address);
  const calls = [method.unary, method.serverStream, method.bidi].map((each) =>
    reader.call(each, { value: MESSAGE }),
  );
  expect(await Promise.all(calls)).toEqual([REFUSED, REFUSED, REFUSED]);
  expect(closed).toBe(1);
  expect(await value(metrics, "holdfast_unread_calls_ended_total", { reason: "timeout" })).toBe(3);
  await expectNothingUnsent(metrics);
});

test("what is unsent counts until its client goes away", async () => {
  const { address, metrics } = await startEchoServer();
  const reader = silentReader(address);
  const call = reader.call(method.unary, { value: MESSAGE });
  while ((await value(metrics, "holdfast_unread_calls", { state: "unread" })) === 0) await delay(10);
  expect(await value(metrics, "holdfast_unsent_bytes")).toBeGreaterThan(MESSAGE.length);
  reader.close();
  await call;
  await expectNothingUnsent(metrics);
});

test("at the limit large answers are refused with OVERLOADED and small ones are given", async () => {
  const { address, metrics, client } = await startEchoServer({ settings: { maxTenantUnsentBytes: 40_000 } });
  const reader = silentReader(address);
  for (let i = 1; i <= 3; i++) {
    void reader.call(method.unary, { value: MESSAGE });
    while ((await value(metrics, "holdfast_unread_calls", { state: "unread" })) < i) await delay(10);
  }
  expect(await reader.call(method.unary, { value: MESSAGE })).toEqual({
    rstCode: 0,
    status: status.RESOURCE_EXHAUSTED,
  });
  expect((await client.unary("small")).text).toBe("small");
});
