import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { Counter, Gauge } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import { connectHttpPeer, openHttpSocket } from "../../test/support/http-peer.js";
import type { HttpLimits } from "./http-limits.js";
import { createMetricsRegistry } from "./metrics-registry.js";
import { createHttpServer } from "./server.js";

async function start(ready: () => boolean | Promise<boolean> = () => true, limits: Partial<HttpLimits> = {}) {
  const registry = createMetricsRegistry();
  const server = createHttpServer({ registry, ready, logger: pino({ level: "silent" }), limits });
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
  const url = `http://${host}:${port}`;
  const closedWhy = async (why: string) =>
    (await registry.getSingleMetricAsString("holdfast_http_closed_connections_total")).includes(`"${why}"`);
  return { registry, server, host, port, url, get, closedWhy };
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

const LIVEZ = "GET /livez HTTP/1.1\r\nHost: holdfast\r\n\r\n";
const METRICS = "GET /metrics HTTP/1.1\r\nHost: holdfast\r\n\r\n";

test("a scraper scrapes twice on one connection", async () => {
  const { url } = await start();
  const peer = await connectHttpPeer(url, METRICS);
  await peer.says(/\nprocess_start_time_seconds \d+/);
  peer.socket.write(METRICS);
  await peer.says(/HTTP\/1\.1 200 OK.*HTTP\/1\.1 200 OK/s);
});

test("requests that are pipelined get one answer, which says so, and the connection is closed", async () => {
  const { url, closedWhy } = await start();
  const received = await (await connectHttpPeer(url, LIVEZ.repeat(2000))).closed();
  expect(received).toMatch(
    /^HTTP\/1\.1 400 .*expected the next request after the answer to the one before it/s,
  );
  expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  expect(await closedWhy("pipelined")).toBe(true);
});

test("concurrent scrapes share a rendering, and none sees values from before it was made", async () => {
  const { registry, get } = await start(undefined, { renderIntervalMs: 1000 });
  let renderings = 0;
  new Gauge({
    name: "holdfast_test_renderings",
    help: "A test.",
    registers: [registry],
    collect() {
      renderings += 1;
      this.set(renderings);
    },
  });
  await Promise.all(Array.from({ length: 50 }, () => get("/metrics")));
  expect(renderings).toBeLessThan(25);
  const before = renderings;
  expect((await get("/metrics")).body).toContain(`holdfast_test_renderings ${before + 1}`);
});

test("HTTP/1.0, HEAD, and a client that ends its side after its request get their answer", async () => {
  const { url } = await start();
  const old = await connectHttpPeer(url, "GET /metrics HTTP/1.0\r\n\r\n");
  expect(await old.closed()).toMatch(/^HTTP\/1\.1 200 .*process_resident_memory_bytes/s);
  const head = await connectHttpPeer(
    url,
    METRICS.replace("GET", "HEAD").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
  );
  expect(await head.closed()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*content-length: \d+\r\n.*\r\n\r\n$/is);
  const ending = await connectHttpPeer(url, METRICS);
  ending.socket.end();
  expect(await ending.closed()).toContain("process_resident_memory_bytes");
});

test.each([
  ["an absurd method", "ABSURD /livez HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  [
    "a length and chunks",
    `POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ["a body that does not come", "POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", 404],
  ["a huge head", `GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: ${"a".repeat(9000)}`, 431],
])("%s is refused and the connection closed", async (_what, written, status) => {
  const { url } = await start();
  const received = await (await connectHttpPeer(url, written)).closed();
  expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
});

test("half a head of a request is closed in time", async () => {
  const { url, closedWhy } = await start(undefined, { headersTimeoutMs: 100, requestTimeoutMs: 100 });
  const received = await (await connectHttpPeer(url, "GET /livez HTTP/1.1\r\nHo")).closed();
  expect(received).toMatch(/^HTTP\/1\.1 408 /);
  expect(await closedWhy("late_request")).toBe(true);
});

test("an answer that cannot be made in time is not waited for", async () => {
  const { url, closedWhy } = await start(() => new Promise(() => {}), { answerTimeoutMs: 100 });
  expect(await (await connectHttpPeer(url, LIVEZ.replace("livez", "readyz"))).closed()).toBe("");
  expect(await closedWhy("late_answer")).toBe(true);
});

test("a client that does not read its answer loses the connection", async () => {
  const { registry, url, closedWhy } = await start(undefined, { answerTimeoutMs: 500 });
  // More than the kernel takes of an answer that nobody reads.
  const help = "a".repeat(32 * 1024 * 1024);
  new Gauge({ name: "holdfast_test_large", help, registers: [registry] });
  const socket = await openHttpSocket(url);
  socket.pause();
  socket.write(METRICS);
  await expect.poll(() => closedWhy("late_answer"), { timeout: 30_000 }).toBe(true);
});

test("when there are too many connections the one that was silent longest is closed", async () => {
  const { url, closedWhy } = await start(undefined, { maxConnections: 2 });
  const served = await connectHttpPeer(url, LIVEZ);
  await served.says("ok\n");
  const silent = await connectHttpPeer(url, "GET /livez");
  const third = await connectHttpPeer(url, LIVEZ);
  await third.says("ok\n");
  expect(await silent.closed()).toBe("");
  served.socket.write(LIVEZ);
  await served.says(/ok\n.*ok\n/s);
  expect(await closedWhy("too_many")).toBe(true);
});
