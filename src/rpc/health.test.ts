import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ClientReadableStream, Metadata, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../gen/grpc/health/v1/health_pb.js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { type EchoClient, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";

/** Milliseconds: whoever waited for it would not end before the test does. */
const FOREVER_MS = 600_000;

function serialize(service: string): Buffer {
  return Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })));
}

function deserialize(bytes: Buffer): string {
  return ServingStatus[fromBinary(HealthCheckResponseSchema, bytes).status] ?? "?";
}

function check(client: EchoClient, service: string): Promise<string | undefined> {
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      serialize,
      deserialize,
      service,
      (error, value) => (error ? reject(error) : resolve(value)),
    ),
  );
}

function watch(client: EchoClient, service: string) {
  const seen: string[] = [];
  const call: ClientReadableStream<string> = client.makeServerStreamRequest(
    "/grpc.health.v1.Health/Watch",
    serialize,
    deserialize,
    service,
    new Metadata(),
  );
  call.on("error", () => undefined);
  call.on("data", (value) => seen.push(value));
  const over = new Promise<{ code: status }>((resolve) => call.on("status", resolve));
  return { seen, over, call };
}

test("the server and each service are checked without credentials", async () => {
  const { client, server } = await startEchoServer({
    authenticate: async () => {
      throw new HoldfastError(ErrorReason.UNAUTHENTICATED, "no");
    },
  });
  expect(await check(client, "")).toBe("NOT_SERVING");
  server.setServing(true);
  for (const service of ["", "holdfast.testing.Echo", "grpc.health.v1.Health"]) {
    expect(await check(client, service)).toBe("SERVING");
  }
  server.setServing(false);
  expect(await check(client, "holdfast.testing.Echo")).toBe("NOT_SERVING");
  expect((await failure(check(client, "holdfast.v1.Nothing"))).code).toBe(status.NOT_FOUND);
});

test("a watcher sees every change, and the drain as the last", async () => {
  const { client, server } = await startEchoServer();
  const { seen, over } = watch(client, "holdfast.testing.Echo");
  const unknown = watch(client, "nobody");
  await expect.poll(() => seen).toEqual(["NOT_SERVING"]);
  server.setServing(true);
  await expect.poll(() => seen).toEqual(["NOT_SERVING", "SERVING"]);

  await server.drain(5000);
  expect((await over).code).toBe(status.UNAVAILABLE);
  expect(seen).toEqual(["NOT_SERVING", "SERVING", "NOT_SERVING"]);
  await unknown.over;
  expect(unknown.seen).toEqual(["SERVICE_UNKNOWN"]);
});

test("a drained server cannot be declared serving again", async () => {
  const { client, server } = await startEchoServer({ settings: { drainAnnounceMs: FOREVER_MS } });
  server.setServing(true);
  await check(client, "");
  const drained = server.drain(1000);
  server.setServing(true);
  expect(await check(client, "")).toBe("NOT_SERVING");
  await server.close();
  await drained;
});
