import { expect, test } from "vitest";
import { callHeaders } from "../../fuzz/http2-frames.js";
import { Http2Peer } from "../../fuzz/http2-peer.js";
import { type StreamFlood, streamFloods } from "../../fuzz/stream-floods.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";

/** Connections at a time; whoever is disconnected comes again. */
const CONNECTIONS = 4;
/** Milliseconds that a flood lasts: a hundred rounds of an event loop that is not held. */
const FLOOD_MS = 1000;
/** Milliseconds: a busy machine may take ten times as long. */
const TIMEOUT_MS = 240_000;
const APPEND = "/holdfast.v1.EventService/Append";
const server = useAbusedServer();

/** One after the other, each from some connections, beside the modest tenant. */
async function flood(floods: readonly StreamFlood[], token: string): Promise<void> {
  const headers = callHeaders(APPEND, { authorization: `Bearer ${token}` });
  await besideModestTenant(server, async () => {
    for (const { frames } of floods) {
      const signal = AbortSignal.timeout(FLOOD_MS);
      const connections = Array.from({ length: CONNECTIONS }, async () => {
        while (!signal.aborted) {
          const peer = await Http2Peer.open(server.grpc);
          await peer.flood(frames(headers), signal);
          peer.close();
        }
      });
      await Promise.all(connections);
    }
  });
}

const costly = streamFloods.filter(({ isCostly }) => isCostly);
const others = streamFloods.filter(({ isCostly }) => !isCostly);

for (const each of costly) {
  test(`${each.name}: another tenant does not wait`, { timeout: TIMEOUT_MS }, async () => {
    await flood([each], server.token("abuser"));
  });
}

test(`${others.map(({ name }) => name).join(", ")}: another tenant does not wait`, {
  timeout: TIMEOUT_MS,
}, async () => {
  await flood(others, server.token("abuser"));
});

test("streams of whoever has no token: another tenant does not wait", { timeout: TIMEOUT_MS }, async () => {
  await flood(costly.slice(0, 1), "none");
  expect(await server.metric("holdfast_ended_connections_total")).toBeGreaterThan(0);
});
