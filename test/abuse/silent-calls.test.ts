import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { expect, onTestFinished, test, vi } from "vitest";
import { type CallerName, useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";

/** As many calls as the server serves of one tenant, and more. */
const CALLS = 100;
/** Milliseconds: a busy machine may take ten times as long. */
const TIMEOUT_MS = 240_000;
/** Calls of each streaming method and of health: nothing refuses those by their headers, so each costs as much as a served one. */
const STREAMS = 25;
const UNTIL = { timeout: 60_000, interval: 100 };
const server = useAbusedServer({ HOLDFAST_MESSAGE_TIMEOUT_MS: "500" });

async function openSession(): Promise<ClientHttp2Session> {
  const { host, port } = server.grpc;
  const session = connect(`http://${host}:${port}`);
  session.on("error", () => undefined);
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

/** Sends the headers of a call and no end of it. */
function openCall(session: ClientHttp2Session, caller: CallerName, path: string): ClientHttp2Stream {
  const stream = session.request(
    {
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${server.token(caller)}`,
    },
    { endStream: false },
  );
  stream.on("error", () => undefined);
  stream.resume();
  return stream;
}

const APPEND = "/holdfast.v1.EventService/Append";
const FIRST_BYTES: readonly Buffer[] = [
  Buffer.alloc(0),
  // Half of the five bytes before a message.
  Buffer.from([0, 0, 0]),
  // Of a message of 100 bytes one.
  Buffer.from([0, 0, 0, 0, 100, 10]),
  // A message of 4 MiB is to come.
  Buffer.from([0, 0, 0x40, 0, 0]),
];

const awaited = () => server.metric("holdfast_calls_awaiting_message");

test("calls of two tenants that never send their message keep nobody out, and are ended", {
  timeout: TIMEOUT_MS,
}, async () => {
  const callers = ["abuser", "accomplice"] as const;
  await besideModestTenant(server, async () => {
    const sessions = await Promise.all(callers.map(openSession));
    const calls = callers.flatMap((caller, i) =>
      Array.from({ length: CALLS }, (_, n) => {
        const stream = openCall(sessions[i] as ClientHttp2Session, caller, APPEND);
        const bytes = FIRST_BYTES[n % FIRST_BYTES.length];
        if (bytes?.byteLength) stream.write(bytes);
        return stream;
      }),
    );
    await Promise.all(calls.map((stream) => stream.closed || once(stream, "close")));
  });
  await vi.waitFor(async () => expect(await awaited()).toBe(0), UNTIL);
  expect(await server.metric("holdfast_unsent_messages_total")).toBeGreaterThan(0);
  // The modest tenant's last call may be under way.
  expect(await server.metric("holdfast_rpc_in_flight", "Append")).toBeLessThanOrEqual(1);
});

test("streams and health checks that never send their message are ended too", {
  timeout: TIMEOUT_MS,
}, async () => {
  const paths = [
    "/holdfast.v1.EventService/Subscribe",
    "/holdfast.v1.EventService/AppendStream",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
  ];
  await besideModestTenant(server, async () => {
    const session = await openSession();
    const calls = paths.flatMap((path) =>
      Array.from({ length: STREAMS }, () => openCall(session, "abuser", path)),
    );
    await Promise.all(calls.map((stream) => stream.closed || once(stream, "close")));
  });
  await vi.waitFor(async () => expect(await awaited()).toBe(0), UNTIL);
});

test("calls that are opened and reset again and again keep nobody out", { timeout: TIMEOUT_MS }, async () => {
  await besideModestTenant(server, async () => {
    for (const caller of ["abuser", "accomplice"] as const) {
      for (let round = 0; round < 5; round += 1) {
        const session = await openSession();
        const calls = Array.from({ length: CALLS }, () => openCall(session, caller, APPEND));
        await new Promise(setImmediate);
        for (const stream of calls) stream.close(constants.NGHTTP2_CANCEL);
        await Promise.all(calls.map((stream) => stream.closed || once(stream, "close")));
        session.destroy();
      }
    }
  });
  await vi.waitFor(
    async () => expect(await server.metric("holdfast_rpc_in_flight", "Append")).toBe(0),
    UNTIL,
  );
  await vi.waitFor(async () => expect(await server.metric("holdfast_open_connections")).toBe(0), UNTIL);
});
