import { gzipSync } from "node:zlib";
import { Metadata, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { collect, ended, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { openRawStream } from "./testing/raw-stream.js";
import { findDetail, reasonOf, statusDetails } from "./testing/status-details.js";

/** Field 1, seven bytes announced, none there. */
const TRUNCATED = Buffer.from([0x0a, 0x07]);
/** Field 1, a string of one byte that is not UTF-8. */
const INVALID_UTF8 = Buffer.from([0x0a, 0x01, 0xff]);
/** The same past protobuf-es's fast path for short strings. */
const LONG_INVALID_UTF8 = Buffer.concat([Buffer.from([0x0a, 0x7f]), Buffer.alloc(127, 0xff)]);

test.each([
  ["truncated bytes", TRUNCATED],
  ["invalid UTF-8", INVALID_UTF8],
  ["long invalid UTF-8", LONG_INVALID_UTF8],
])("%s are INVALID_ARGUMENT with MALFORMED_MESSAGE in each kind of call", async (_name, bytes) => {
  const { client } = await startEchoServer();
  const up = client.clientStream();
  up.call.end(bytes);
  const both = client.bidi();
  both.write("fine");
  both.end(bytes);
  const answered = collect(both);
  const failures = await Promise.all([
    failure(client.unary(bytes)),
    ended(client.serverStream(bytes).resume()),
    failure(up.answer),
    answered.then((answer) => answer.status),
  ]);

  expect((await answered).texts).toEqual(["fine"]);
  for (const failed of failures) {
    expect(failed.code).toBe(status.INVALID_ARGUMENT);
    expect(reasonOf(failed)).toBe("MALFORMED_MESSAGE");
    expect(failed.details).toMatch(/^expected a google\.protobuf\.StringValue, got/);
  }
});

test("a message over the receive limit is RESOURCE_EXHAUSTED and says the limit, in each kind of call", async () => {
  const { client } = await startEchoServer({ settings: { maxReceiveBytes: 1000 } });
  const large = "x".repeat(2000);
  const up = client.clientStream();
  up.call.end(large);
  const both = client.bidi();
  both.end(large);
  const failures = await Promise.all([
    failure(client.unary(large)),
    ended(client.serverStream(large).resume()),
    failure(up.answer),
    ended(both.resume()),
  ]);

  for (const failed of failures) {
    expect(failed.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(failed.details).toBe("expected a message of at most 1000 bytes, got 2003");
    expect(findDetail(statusDetails(failed), ErrorInfoSchema)).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      domain: "holdfast",
      metadata: { limit: "1000", actual: "2003" },
    });
  }
});

test("a message far over the limit and the flow control window is refused too", async () => {
  const { client } = await startEchoServer();
  const error = await failure(client.unary("x".repeat(5 * 1024 * 1024)));
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(error.details).toMatch(/at most 4194304 bytes, got 5242885/);
});

test("an answer over the send limit is RESOURCE_EXHAUSTED and says the limit", async () => {
  const { client } = await startEchoServer({ settings: { maxSendBytes: 1000 } });
  const error = await failure(client.unary("x".repeat(2000)));
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(error.details).toMatch(/2003 bytes and may be at most 1000/);
  expect(reasonOf(error)).toBe("LIMIT_EXCEEDED");
});

test("a compressed message is read, and one that explodes past the limit or is no gzip is refused", async () => {
  const { address } = await startEchoServer({ settings: { maxReceiveBytes: 1000 } });
  async function send(bytes: Uint8Array) {
    const stream = openRawStream(address, { "grpc-encoding": "gzip" });
    stream.sendFrame(bytes, { compressed: true });
    return stream.close();
  }
  const message = (length: number) =>
    Buffer.concat([Buffer.from([0x0a, (length & 0x7f) | 0x80, length >> 7]), Buffer.alloc(length, 0x61)]);

  expect(await send(gzipSync(message(900)))).toMatchObject({ "grpc-status": "0" });
  expect(await send(gzipSync(message(5000)))).toMatchObject({
    "grpc-status": String(status.RESOURCE_EXHAUSTED),
  });
  expect(await send(Buffer.from("not gzip"))).toMatchObject({
    "grpc-status": String(status.INVALID_ARGUMENT),
  });
});

test("a unary call with no message or two is refused", async () => {
  const { address } = await startEchoServer();
  const none = await openRawStream(address).close();
  expect(none).toMatchObject({ "grpc-status": String(status.INVALID_ARGUMENT) });
  expect(decodeURI(String(none["grpc-message"]))).toBe("expected one request message, got none");

  const stream = openRawStream(address);
  stream.sendFrame(Buffer.from([0x0a, 0x01, 0x61]));
  stream.sendFrame(Buffer.from([0x0a, 0x01, 0x62]));
  expect(decodeURI(String((await stream.close())["grpc-message"]))).toBe(
    "expected one request message, got more",
  );
});

test("an invalid grpc-timeout is INVALID_ARGUMENT", async () => {
  const { address } = await startEchoServer();
  const trailers = await openRawStream(address, { "grpc-timeout": "soon" }).close();
  expect(trailers).toMatchObject({ "grpc-status": String(status.INVALID_ARGUMENT) });
});

test("metadata in the way of nothing is ignored", async () => {
  const { client } = await startEchoServer();
  const metadata = new Metadata();
  metadata.set("user-key", "value");
  metadata.set("blob-bin", Buffer.from([0, 255]));
  expect((await client.unary("a", metadata)).text).toBe("a");
});
