import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { Metadata, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test, vi } from "vitest";
import type { RpcSettings } from "./rpc-settings.js";
import { collect } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { ECHO_TYPE_NAME } from "./testing/echo-service.js";
import { reasonOf } from "./testing/status-details.js";

const TENANT = "7d3f8c1e-0000-4000-8000-000000000042";
const HEADERS_PER_MESSAGE = 5;

/** A server, and calls of it whose bytes are sent one by one. */
async function startServer(settings: Partial<RpcSettings>) {
  const server = await startEchoServer({ settings });
  const session = connect(`http://${server.address}`);
  session.on("error", () => undefined);
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  const sample = async (name: string) => {
    const text = await server.metrics.metrics();
    return Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1] ?? 0);
  };
  return {
    ...server,
    /** Waits until a metric has this value. */
    until: (name: string, value: number) =>
      vi.waitFor(async () => expect(await sample(name)).toBe(value), { timeout: 30_000, interval: 20 }),
    open: (method: string, tenant = TENANT) => openCall(session, method, tenant),
  };
}

function named(tenant: string): Metadata {
  const metadata = new Metadata();
  metadata.set("holdfast-tenant", tenant);
  return metadata;
}

function openCall(session: ClientHttp2Session, method: string, tenant: string) {
  const stream = session.request(
    {
      ":method": "POST",
      ":path": `/${ECHO_TYPE_NAME}/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
      "holdfast-tenant": tenant,
    },
    { endStream: false },
  );
  return { stream, ended: ending(stream) };
}

/** The status a call ended with. */
async function ending(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  const received: IncomingHttpHeaders = {};
  stream.on("response", (headers) => Object.assign(received, headers));
  stream.on("trailers", (headers) => Object.assign(received, headers));
  stream.on("error", () => undefined);
  stream.resume();
  await new Promise((resolve) => stream.once("end", resolve));
  return received;
}

/** A message of Echo as it stands on the wire, with this much text. */
function frame(textBytes: number): Buffer {
  const length: number[] = [];
  for (let left = textBytes; ; left >>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  const message = Buffer.concat([Buffer.from([0x0a, ...length]), Buffer.alloc(textBytes, "x")]);
  const prefix = Buffer.alloc(HEADERS_PER_MESSAGE);
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}

const FOUR = { maxCallsInFlight: 4, overloadedCallsInFlight: 4 };

test("calls that send no message take no room from calls that do", async () => {
  const { client, open, until } = await startServer(FOUR);
  await client.unary("known from now on", named(TENANT));
  // The tenant's half of four.
  open("Unary");
  open("Unary");
  await until("holdfast_calls_awaiting_message", 2);
  const served = await Promise.all(["a", "b"].map((text) => client.unary(text, named(TENANT))));
  expect(served).toMatchObject([{ text: "a" }, { text: "b" }]);
});

test.each([
  ["no byte", Buffer.alloc(0)],
  ["half of the prefix", Buffer.from([0, 0, 4])],
  ["a prefix that says four mebibytes", Buffer.from([0, 0, 0x40, 0, 0])],
])("a call that sends %s is ended by the deadline of its message, and says so", async (_, bytes) => {
  const { open, until, metrics } = await startServer({ messageTimeoutMs: 100 });
  for (const method of ["Unary", "ServerStream", "ClientStream", "Bidi"]) {
    const { stream, ended } = open(method);
    if (bytes.byteLength > 0) stream.write(bytes);
    const text = "expected the request message, or 65536 more bytes of it, within 100 ms, got less";
    expect(await ended, method).toMatchObject({
      "grpc-status": String(status.DEADLINE_EXCEEDED),
      "grpc-message": encodeURI(text),
    });
    // Though the client has not ended it.
    if (!stream.closed) await once(stream, "close");
  }
  await until("holdfast_calls_awaiting_message", 0);
  expect(await metrics.metrics()).toContain('holdfast_unsent_messages_total{why="too_late"} 4');
});

test("a message that comes in time is served, however late its end comes", async () => {
  const { open, until } = await startServer(FOUR);
  const { stream, ended } = open("Unary");
  stream.write(frame(10));
  // The message is there, its end is not: more may follow, which would be an error.
  await until("holdfast_calls_awaiting_message", 1);
  stream.end();
  expect(await ended).toMatchObject({ "grpc-status": String(status.OK) });
  await until("holdfast_calls_awaiting_message", 0);
});

test("a message that comes slowly is served, longer than its deadline after the call began", async () => {
  const messageTimeoutMs = 500;
  const { open } = await startServer({ messageTimeoutMs });
  const { stream, ended } = open("Unary");
  const begun = performance.now();
  const bytes = frame(2 * 1024 * 1024);
  // Each piece is more than must come within one period, and they come for several periods.
  const piece = 128 * 1024;
  let sent = 0;
  while (sent < bytes.byteLength) {
    stream.write(bytes.subarray(sent, sent + piece));
    sent += piece;
    await new Promise((resolve) => setTimeout(resolve, messageTimeoutMs / 4));
  }
  stream.end();
  expect(await ended).toMatchObject({ "grpc-status": String(status.OK) });
  expect(performance.now() - begun).toBeGreaterThan(2 * messageTimeoutMs);
});

test("the later messages of a stream have no deadline", async () => {
  const { open, until } = await startServer({ messageTimeoutMs: 50 });
  const first = open("Bidi");
  first.stream.write(frame(1));
  await once(first.stream, "response");
  // A call beside it comes to its end by the deadline meanwhile.
  await open("Bidi").ended;
  await until("holdfast_open_streams", 1);
  first.stream.write(frame(1));
  first.stream.end();
  expect(await first.ended).toMatchObject({ "grpc-status": String(status.OK) });
});

test("a call whose message is late is rejected as overloaded when there is no room for it any more", async () => {
  const { open, until, ...server } = await startHeld();
  const late = open("Unary");
  await until("holdfast_calls_awaiting_message", 1);
  const held = [server.hold(), server.hold()];
  await server.untilHeld(2);
  late.stream.end(frame(1));
  expect(await late.ended).toMatchObject({
    "grpc-status": String(status.RESOURCE_EXHAUSTED),
    "grpc-message": encodeURI("this server serves at most 2 calls of this tenant at a time, more were made"),
  });
  server.release();
  await Promise.all(held);
  const again = open("Unary");
  await until("holdfast_calls_awaiting_message", 1);
  again.stream.end(frame(1));
  expect(await again.ended).toMatchObject({ "grpc-status": String(status.OK) });
});

/** A server of four calls, two of a tenant, whose unary calls of several bytes last until they are released. */
async function startHeld() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let held = 0;
  const server = await startEchoServer({
    settings: FOUR,
    handlers: {
      async unary(request) {
        if (request.value !== "hold") return request;
        held += 1;
        await released;
        return request;
      },
    },
  });
  const session = connect(`http://${server.address}`);
  onTestFinished(() => session.destroy());
  return {
    ...server,
    release,
    hold: () => server.client.unary("hold", named(TENANT)),
    untilHeld: (count: number) => vi.waitFor(() => expect(held).toBe(count), 30_000),
    open: (method: string) => openCall(session, method, TENANT),
    until: (name: string, value: number) =>
      vi.waitFor(async () => expect(await server.metrics.metrics()).toContain(`${name} ${value}`), 30_000),
  };
}

test("past the limit of a tenant, and of the server, calls without their message are ended", async () => {
  const { open, until, client } = await startServer({
    maxAwaitedMessages: 3,
    maxAwaitedMessagesPerTenant: 2,
  });
  const other = TENANT.replace("42", "43");
  open("Unary");
  open("Bidi");
  await until("holdfast_calls_awaiting_message", 2);
  expect(await open("Unary").ended).toMatchObject({
    "grpc-status": String(status.RESOURCE_EXHAUSTED),
    "grpc-message": encodeURI(
      "expected at most 2 calls without their message of this tenant at a time, got one more",
    ),
  });
  open("ServerStream", other);
  await until("holdfast_calls_awaiting_message", 3);
  expect(await open("Unary", other).ended).toMatchObject({
    "grpc-message": encodeURI(
      "expected at most 3 calls without their message of this server at a time, got one more",
    ),
  });
  expect(await client.unary("served")).toMatchObject({ text: "served" });
});

test("a stream beyond those a tenant may have is rejected, and there is room again when another ends", async () => {
  const { client, until } = await startServer({ maxStreams: 3, maxStreamsPerTenant: 2 });
  const streams = [client.bidi(), client.bidi()];
  await until("holdfast_open_streams", 2);
  const { status: rejected } = await collect(client.serverStream("one too many"));
  expect(rejected.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(reasonOf(rejected)).toBe("OVERLOADED");
  expect(rejected.details).toBe("expected at most 2 open streams of this tenant at a time, got one more");
  for (const stream of streams) {
    stream.end("done");
    for await (const _ of stream);
  }
  await until("holdfast_open_streams", 0);
  expect(await collect(client.serverStream("a"))).toMatchObject({ texts: ["a", "a"] });
});

test("connections are counted while they are open", async () => {
  const { until, address } = await startServer({});
  await until("holdfast_open_connections", 1);
  const another = connect(`http://${address}`);
  await until("holdfast_open_connections", 2);
  another.destroy();
  await until("holdfast_open_connections", 1);
});

test.each(["99999999H", "2147484S", "596524M"])("a deadline of %s is not over at once", async (timeout) => {
  const { address, client } = await startEchoServer();
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": `/${ECHO_TYPE_NAME}/Unary`,
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-timeout": timeout,
  });
  const ended = ending(stream);
  stream.write(frame(1));
  // Whatever timer would end it at once has by now.
  await client.unary("a");
  await client.unary("b");
  stream.end();
  expect(await ended).toMatchObject({ "grpc-status": String(status.OK) });
});
