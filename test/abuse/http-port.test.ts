import { expect, test, vi } from "vitest";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { connectHttpPeer, openHttpSocket } from "../support/http-peer.js";

/** Milliseconds: a busy machine may take ten times as long. */
const TIMEOUT_MS = 240_000;
const UNTIL = { timeout: 60_000, interval: 500 };
const REQUEST = "GET /metrics HTTP/1.1\r\nHost: holdfast\r\n\r\n";
const PIPELINED = Buffer.from(REQUEST.repeat(2000));
const server = useAbusedServer();

const closed = (why: string) => server.metric("holdfast_http_closed_connections_total", `"${why}"`);
const openConnections = () => server.metric("holdfast_http_open_connections");

/** Opens connections that write this, and waits until the server has closed all of them, in whatever way. */
async function untilClosed(count: number, written: Buffer | string): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: count }, () => openHttpSocket(server.http)));
  await Promise.all(
    sockets.map((socket) => {
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write(written);
      // Node notices the end of a connection that is read alone.
      socket.resume();
      return closed;
    }),
  );
}

for (const count of [1, 30]) {
  test(`${count} connections that pipeline 2000 scrapes hold up nobody`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const before = await closed("pipelined");
    await besideModestTenant(server, () => untilClosed(count, PIPELINED));
    expect(await closed("pipelined")).toBe(before + count);
  });
}

test("scrapes that are pipelined and left cost nothing any more", { timeout: TIMEOUT_MS }, async () => {
  await besideModestTenant(server, async () => {
    const sockets = await Promise.all(Array.from({ length: 30 }, () => openHttpSocket(server.http)));
    await Promise.all(sockets.map((socket) => new Promise((sent) => socket.write(PIPELINED, sent))));
    for (const socket of sockets) socket.destroy();
  });
  await vi.waitFor(async () => expect(await openConnections()).toBeLessThan(10), UNTIL);
});

test("many connections that scrape at once and again hold up nobody", { timeout: TIMEOUT_MS }, async () => {
  await besideModestTenant(server, async () => {
    const scrape = async () => {
      for (let i = 0; i < 3; i += 1) {
        const response = await fetch(`${server.http}/metrics`);
        expect(response.status).toBe(200);
        expect(await response.text()).toContain("holdfast_open_streams");
      }
    };
    await Promise.all(Array.from({ length: 100 }, scrape));
  });
});

test("500 connections with half a head of a request keep nobody out, and are closed", {
  timeout: TIMEOUT_MS,
}, async () => {
  await besideModestTenant(server, () => untilClosed(500, "GET /metrics HTTP/1.1\r\nHost: hold"));
  expect(await closed("too_many")).toBeGreaterThan(0);
  expect(await closed("late_request")).toBeGreaterThan(0);
});

test("a head of a request without an end is refused", { timeout: TIMEOUT_MS }, async () => {
  const head = `GET /metrics HTTP/1.1\r\nHost: holdfast\r\nX-Long: ${"a".repeat(1024 * 1024)}`;
  await besideModestTenant(server, () => untilClosed(30, head));
  expect(await closed("bad_request")).toBeGreaterThanOrEqual(30);
  const peer = await connectHttpPeer(server.http, head.slice(0, 10 * 1024));
  expect(await peer.closed()).toMatch(/^HTTP\/1\.1 431 /);
});
