import { Metadata } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { collect, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { openRawStream } from "./testing/raw-stream.js";

const SECRET = "a payload nobody may log";

test("every call is counted by method and code, those refused before any handler too", async () => {
  const { client, metrics, address } = await startEchoServer({
    settings: { maxReceiveBytes: 1000 },
    authenticate: async (metadata) => {
      if (metadata.get("deny").length > 0) throw new HoldfastError(ErrorReason.UNAUTHENTICATED, "no");
      return { tenantId: "00000000-0000-0000-0000-000000000001", actor: "test", roles: ["writer"] };
    },
    handlers: {
      async unary(request, { signal }) {
        if (request.value === "wait")
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return request;
      },
    },
  });
  await client.unary("a");
  await collect(client.serverStream("a"));
  const denied = new Metadata();
  denied.set("deny", "1");
  await failure(client.unary("a", denied));
  await failure(client.unary(Buffer.from([0x0a, 0x07])));
  await failure(client.unary("x".repeat(2000)));
  // Over bare HTTP/2 the deadline is the server's, from when it has the call.
  const late = openRawStream(address, { "grpc-timeout": "50m" });
  late.sendFrame(Buffer.from("\n\x04wait"));
  await late.close();
  const inFlight = 'holdfast_rpc_in_flight{method="/holdfast.testing.Echo/Unary"}';
  await expect.poll(() => metrics.metrics()).toContain(`${inFlight} 0`);

  const { values } = (await metrics.getMetricsAsJSON()).find(
    ({ name }) => name === "holdfast_rpc_calls_total",
  ) ?? {
    values: [],
  };
  const counted = values.map(({ labels, value }) => `${labels.method} ${labels.code} ${value}`);
  expect(counted.sort()).toEqual([
    "/holdfast.testing.Echo/ServerStream OK 1",
    "/holdfast.testing.Echo/Unary DEADLINE_EXCEEDED 1",
    "/holdfast.testing.Echo/Unary INVALID_ARGUMENT 1",
    "/holdfast.testing.Echo/Unary OK 1",
    "/holdfast.testing.Echo/Unary RESOURCE_EXHAUSTED 1",
    "/holdfast.testing.Echo/Unary UNAUTHENTICATED 1",
  ]);
  expect(await metrics.metrics()).toContain(
    'holdfast_rpc_duration_seconds_count{method="/holdfast.testing.Echo/Unary"} 5',
  );
});

test("a call in flight is in the gauge", async () => {
  const { client, metrics } = await startEchoServer();
  const call = client.bidi();
  call.write("a");
  await new Promise((resolve) => call.once("data", resolve));
  expect(await metrics.metrics()).toContain('holdfast_rpc_in_flight{method="/holdfast.testing.Echo/Bidi"} 1');
  call.end();
  call.resume();
  await new Promise((resolve) => call.on("status", resolve));
  expect(await metrics.metrics()).toContain('holdfast_rpc_in_flight{method="/holdfast.testing.Echo/Bidi"} 0');
});

test("a failed call is one log line, a call that went well none, and neither shows a payload", async () => {
  const { client, logLines } = await startEchoServer({
    handlers: {
      async unary({ value }) {
        if (value === "ok") return { value };
        if (value === "down") {
          throw new HoldfastError(ErrorReason.DATABASE_UNAVAILABLE, "the database did not answer", {
            cause: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", detail: SECRET }),
          });
        }
        throw new HoldfastError(ErrorReason.NOT_FOUND, `no session ${SECRET}`);
      },
    },
  });
  await client.unary("ok");
  await failure(client.unary("missing"));
  await failure(client.unary("down"));

  expect(logLines).toMatchObject([
    {
      level: 20,
      method: "/holdfast.testing.Echo/Unary",
      code: "NOT_FOUND",
      reason: "NOT_FOUND",
      actor: "anonymous",
    },
    { level: 40, code: "UNAVAILABLE", reason: "DATABASE_UNAVAILABLE", cause: { code: "ECONNREFUSED" } },
  ]);
  expect(JSON.stringify(logLines)).not.toContain(SECRET);
});

test("the logger of a call is bound to it", async () => {
  const { client, logLines } = await startEchoServer({
    handlers: {
      async unary(request, { logger }) {
        logger.info({ step: 1 }, "said by the handler");
        return request;
      },
    },
  });
  const metadata = new Metadata();
  metadata.set("x-request-id", "abc");
  await client.unary("a", metadata);
  expect(logLines).toMatchObject([
    {
      requestId: "abc",
      method: "/holdfast.testing.Echo/Unary",
      step: 1,
      tenantId: "00000000-0000-0000-0000-000000000001",
    },
  ]);
});
