import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ChannelCredentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { Authenticator } from "./authenticate.js";
import { createServerCredentials } from "./credentials.js";
import { collect, EchoClient, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { ECHO_TYPE_NAME } from "./testing/echo-service.js";
import { openRawStream } from "./testing/raw-stream.js";
import { findDetail, reasonOf, statusDetails } from "./testing/status-details.js";

const TENANT = "7d3f8c1e-0000-4000-8000-000000000042";
const OTHER_TENANT = "7d3f8c1e-0000-4000-8000-000000000043";
/** Of eight calls one tenant has four. */
const SHARE = 4;

function named(tenant: string, more: Record<string, string> = {}): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries({ "holdfast-tenant": tenant, ...more })) metadata.set(key, value);
  return metadata;
}

/** A server whose unary calls last until they are told to finish, and that knows both tenants. */
async function startHeldServer(authenticate?: Authenticator) {
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let held = 0;
  const server = await startEchoServer({
    settings: { maxCallsInFlight: 2 * SHARE, overloadedCallsInFlight: 2 * SHARE },
    ...(authenticate && { authenticate }),
    handlers: {
      async unary(request) {
        if (request.value === "at once") return request;
        held += 1;
        await finished;
        held -= 1;
        return request;
      },
    },
  });
  for (const tenant of [TENANT, OTHER_TENANT]) await server.client.unary("at once", named(tenant));
  const untilHeld = async (count: number) => {
    while (held !== count) await delay(5);
  };
  /** Fills a tenant's share with calls that last. */
  const fill = async (tenant: string) => {
    const calls = Array.from({ length: SHARE }, () => server.client.unary("wait", named(tenant)));
    await untilHeld(SHARE);
    return calls;
  };
  return { ...server, finish, fill, untilHeld };
}

function expectOverloaded(error: ServiceError): void {
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(reasonOf(error)).toBe("OVERLOADED");
  expect(findDetail(statusDetails(error), RetryInfoSchema)?.retryDelay?.nanos).toBeGreaterThan(0);
}

test("calls beyond a tenant's share are refused, say when to come again, and make room when they end", async () => {
  const { client, fill, finish } = await startHeldServer();
  const served = await fill(TENANT);
  for (let n = 0; n < 20; n += 1) expectOverloaded(await failure(client.unary("wait", named(TENANT))));
  expect(await client.unary("at once", named(OTHER_TENANT))).toMatchObject({ text: "at once" });
  finish();
  expect(await Promise.all(served)).toHaveLength(SHARE);
  expect(await client.unary("wait", named(TENANT))).toMatchObject({ text: "wait" });
});

test("the answer is headers alone, given before the message is sent, and carries the caller's request id", async () => {
  const { address, fill } = await startHeldServer();
  (await fill(TENANT)).map((call) => call.catch(() => undefined));
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  const stream = session.request(
    {
      ":method": "POST",
      ":path": `/${ECHO_TYPE_NAME}/Unary`,
      "content-type": "application/grpc",
      te: "trailers",
      "holdfast-tenant": TENANT,
      "x-request-id": "mine",
    },
    { endStream: false },
  );
  const [headers, flags] = (await once(stream, "response")) as [IncomingHttpHeaders, number];
  const END_STREAM = 1;
  expect(flags & END_STREAM).toBe(END_STREAM);
  expect(headers).toMatchObject({
    ":status": 200,
    "content-type": "application/grpc+proto",
    "grpc-status": String(status.RESOURCE_EXHAUSTED),
    "grpc-message": encodeURI("this server serves at most 4 calls of this tenant at a time, more were made"),
    "x-request-id": "mine",
  });
  stream.resume();
  await once(stream, "close");
  expect(stream.rstCode).toBe(0);
});

test("a caller in the middle of a long message is refused, and its connection serves on", async () => {
  const { client, fill, finish } = await startHeldServer();
  const served = await fill(TENANT);
  for (let n = 0; n < 5; n += 1) {
    expectOverloaded(await failure(client.unary("x".repeat(3 * 1024 * 1024), named(TENANT))));
  }
  finish();
  await Promise.all(served);
  const long = "y".repeat(1024 * 1024);
  expect((await client.unary(long, named(TENANT))).text).toBe(long);
});

test("calls that are reset in the packet that opens them are refused like others", async () => {
  const { client, address, fill, finish } = await startHeldServer();
  const served = await fill(TENANT);
  const headers = { "content-type": "application/grpc", "holdfast-tenant": TENANT };
  const method = { ":method": "POST", ":path": `/${ECHO_TYPE_NAME}/Unary` };
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  await once(session, "connect");
  for (let n = 0; n < 100; n += 1) {
    const stream = session.request({ ...method, ...headers });
    stream.on("error", () => undefined);
    stream.close(8);
  }
  expectOverloaded(await failure(client.unary("wait", named(TENANT))));
  finish();
  await Promise.all(served);
  expect(await client.unary("at once", named(TENANT))).toMatchObject({ text: "at once" });
});

test("health checks and streams are never refused", async () => {
  const { client, fill } = await startHeldServer();
  for (const tenant of [TENANT]) (await fill(tenant)).map((call) => call.catch(() => undefined));
  await failure(client.unary("wait", named(TENANT)));
  const checked = new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      () => Buffer.alloc(0),
      (bytes) => bytes,
      undefined,
      named(TENANT),
      (error, value) => (error ? reject(error) : resolve(value)),
    ),
  );
  await checked;
  expect(await collect(client.serverStream("a"))).toMatchObject({ texts: ["a", "a"] });
});

test("a call that is cancelled counts until its handler is done", async () => {
  const { client, fill, finish, untilHeld } = await startHeldServer();
  for (const call of await fill(TENANT)) {
    const cancelled = failure(call);
    call.call.cancel();
    expect((await cancelled).code).toBe(status.CANCELLED);
  }
  expectOverloaded(await failure(client.unary("wait", named(TENANT))));
  finish();
  await untilHeld(0);
  const again = Array.from({ length: SHARE }, () => client.unary("wait", named(TENANT)));
  expect(await Promise.all(again)).toHaveLength(SHARE);
});

test("nothing counts that ends otherwise than by its handler", async () => {
  const { client, address, finish, untilHeld } = await startHeldServer();
  for (let n = 0; n < 5 * SHARE; n += 1) {
    const { code } = await failure(client.unary(Buffer.from([0x0a, 0x07]), named(TENANT)));
    expect(code).toBe(status.INVALID_ARGUMENT);
    const wrong = openRawStream(address, { "content-type": "text/plain", "holdfast-tenant": TENANT });
    expect(await wrong.close()).toMatchObject({ ":status": 415 });
    const broken = openRawStream(address, { "holdfast-tenant": TENANT });
    await delay(2);
    broken.breakConnection();
  }
  // The server notices in its own time that connections broke; what counted for ever would refuse the last for ever.
  for (let served = 1; served <= SHARE; served += 1) {
    const reached = untilHeld(served);
    let isHeld = false;
    while (!isHeld) {
      const refused = client.unary("wait", named(TENANT)).then(
        () => false,
        () => false,
      );
      isHeld = await Promise.race([refused, reached.then(() => true)]);
    }
  }
  finish();
});

test("callers nobody knows yet keep no room from those who are known", async () => {
  let decide: () => void = () => undefined;
  const decided = new Promise<void>((resolve) => {
    decide = resolve;
  });
  const { client, fill, finish } = await startHeldServer(async (metadata) => {
    const [tenantId] = metadata.get("holdfast-tenant");
    if (metadata.get("authorization").length > 0) {
      await decided;
      throw new HoldfastError(ErrorReason.UNAUTHENTICATED, "no");
    }
    return { tenantId: String(tenantId), actor: "test", roles: ["writer"] };
  });
  const strangers = Array.from({ length: 3 * SHARE }, (_, n) =>
    failure(client.unary("wait", named(TENANT, { authorization: `Bearer guess-${n}` }))),
  );
  const served = await fill(TENANT);
  finish();
  expect(await Promise.all(served)).toHaveLength(SHARE);
  decide();
  const codes = (await Promise.all(strangers)).map(({ code }) => code);
  expect(codes.filter((code) => code === status.UNAUTHENTICATED)).toHaveLength(SHARE);
  expect(codes.filter((code) => code === status.RESOURCE_EXHAUSTED)).toHaveLength(2 * SHARE);
});

test("over TLS too", async () => {
  const pem = (name: string) => fileURLToPath(new URL(`testing/tls/${name}.pem`, import.meta.url));
  const { server, fill } = await startHeldServer();
  const credentials = await createServerCredentials({
    certificateFile: pem("server"),
    keyFile: pem("server-key"),
  });
  const { host, port } = await server.listen({ host: "127.0.0.1", port: 0, credentials });
  (await fill(TENANT)).map((call) => call.catch(() => undefined));
  const trusted = ChannelCredentials.createSsl(readFileSync(pem("ca")));
  const client = new EchoClient(`${host}:${port}`, trusted, { "grpc.use_local_subchannel_pool": 1 });
  onTestFinished(() => client.close());
  expectOverloaded(await failure(client.unary("wait", named(TENANT))));
});

test("refused calls are counted like others", async () => {
  const { client, metrics, fill } = await startHeldServer();
  (await fill(TENANT)).map((call) => call.catch(() => undefined));
  for (let n = 0; n < 3; n += 1) await failure(client.unary("wait", named(TENANT)));
  const text = await metrics.metrics();
  expect(text).toContain('{method="/holdfast.testing.Echo/Unary",code="RESOURCE_EXHAUSTED"} 3');
  expect(text).toContain('holdfast_rpc_duration_seconds_count{method="/holdfast.testing.Echo/Unary"} 5');
});
