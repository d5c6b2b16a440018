import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { Counter } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import { createMetricsRegistry } from "./metrics-registry.js";
import { createHttpServer } from "./server.js";

async function start(ready: () => boolean | Promise<boolean> = () => true) {
  const registry = createMetricsRegistry();
  const server = createHttpServer({ registry, ready, logger: pino({ level: "silent" }) });
  onTestFinished(() => server.close());
  const { host, port } = await server.listen({ port: 0 });
  async function get(path: string, method = "GET") {
    const response = await fetch(`http://${host}:${port}${path}`, { method });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: await response.text(),
    };
  }
  return { registry, server, host, port, get };
}

test("metrics are those of the process and those registered", async () => {
  const { registry, get } = await start();
  new Counter({ name: "holdfast_test_total", help: "A test.", registers: [registry] }).inc(3);
  const { status, type, body } = await get("/metrics?from=scraper");
  expect(status).toBe(200);
  expect(type).toMatch(/^text\/plain/);
  expect(body).toContain("holdfast_test_total 3");
  expect(body).toContain("process_resident_memory_bytes");
});

test("alive is 200, ready follows what it is told", async () => {
  let isReady = false;
  const { get } = await start(() => isReady);
  expect(await get("/livez")).toMatchObject({ status: 200, body: "ok\n" });
  expect(await get("/readyz")).toMatchObject({ status: 503 });
  isReady = true;
  expect(await get("/readyz")).toMatchObject({ status: 200 });
});

test("a readiness check that throws is not ready", async () => {
  const { get } = await start(async () => {
    throw new Error("database gone");
  });
  const { status, body } = await get("/readyz");
  expect(status).toBe(503);
  expect(body).not.toContain("database");
});

test("everything else is not found", async () => {
  const { get } = await start();
  for (const path of ["/", "/metricsx", "/constructor", "/__proto__"])
    expect((await get(path)).status).toBe(404);
  expect((await get("/metrics", "POST")).status).toBe(404);
});

test("it listens on loopback unless told otherwise", async () => {
  expect((await start()).host).toBe("127.0.0.1");
});

test("a port that is taken is an error that names the address", async () => {
  const { port } = await start();
  const second = createHttpServer({
    registry: createMetricsRegistry(),
    ready: () => true,
    logger: pino({ level: "silent" }),
  });
  await expect(second.listen({ port })).rejects.toMatchObject({
    code: "EADDRINUSE",
    message: `listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
  });
  await second.close();
});

test("closing does not wait for connections kept alive", async () => {
  const { get, server } = await start();
  await get("/livez");
  // Node itself ends such a connection after five seconds.
  const waited = delay(4000, "waited", { ref: false });
  expect(await Promise.race([server.close(), waited])).toBeUndefined();
  await server.close();
});
