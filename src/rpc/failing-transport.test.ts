import { once } from "node:events";
import { connect, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Metadata, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test, vi } from "vitest";
import { failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";

type Responds = Pick<ServerHttp2Stream, "respond">;

/** What the HTTP/2 streams of all servers inherit `respond` from. */
async function streamPrototype(): Promise<Responds> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.request().on("error", () => undefined);
  const [stream] = (await once(server, "stream")) as [ServerHttp2Stream];
  session.destroy();
  server.close();
  return Object.getPrototypeOf(stream) as Responds;
}

/** Makes Node refuse to answer on every stream, for as long as it says so. */
async function refuseToRespond(): Promise<() => void> {
  const prototype = await streamPrototype();
  const { respond } = prototype;
  prototype.respond = () => {
    throw new Error("no answer");
  };
  const stop = () => {
    prototype.respond = respond;
  };
  onTestFinished(stop);
  return stop;
}

const TENANT = "7d3f8c1e-0000-4000-8000-000000000042";
const BAD_MESSAGE = Buffer.from([0x0a, 0x07]);

function named(tenant: string): Metadata {
  const metadata = new Metadata();
  metadata.set("holdfast-tenant", tenant);
  return metadata;
}

test("a call whose status cannot be sent gives everything back, and its client hears of it", async () => {
  const settings = { maxCallsInFlight: 2, overloadedCallsInFlight: 2, maxStreams: 1, maxStreamsPerTenant: 1 };
  const { client, metrics, logLines } = await startEchoServer({ settings });
  const stop = await refuseToRespond();
  for (let n = 0; n < 3; n += 1) {
    expect((await failure(client.unary(BAD_MESSAGE, named(TENANT)))).code).not.toBe(status.OK);
    const { call, answer } = client.clientStream();
    call.write(BAD_MESSAGE);
    expect((await failure(answer)).code).not.toBe(status.RESOURCE_EXHAUSTED);
  }
  stop();
  expect((await client.unary("again", named(TENANT))).text).toBe("again");
  await vi.waitFor(async () => expect(await metrics.metrics()).toContain("holdfast_open_streams 0"), 30_000);
  expect(logLines.filter(({ msg }) => msg === "the status of a call could not be sent")).toHaveLength(6);
});

test("a call that grpc-js fails to begin gives its place back, and the server goes on", async () => {
  const settings = { maxCallsInFlight: 2, overloadedCallsInFlight: 2 };
  const { client, address, logLines } = await startEchoServer({ settings });
  await client.unary("known", named(TENANT));
  const stop = await refuseToRespond();
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  for (let n = 0; n < 3; n += 1) {
    // grpc-js answers it before it makes a call of it.
    const stream = session.request({
      ":method": "POST",
      ":path": "/holdfast.testing.Echo/Unary",
      "content-type": "text/plain",
      "holdfast-tenant": TENANT,
    });
    stream.on("error", () => undefined).resume();
    await once(stream, "close");
  }
  stop();
  expect((await client.unary("again", named(TENANT))).text).toBe("again");
  expect(logLines.filter(({ msg }) => msg === "a call could not be begun")).toHaveLength(3);
});
