import { connect, constants } from "node:http2";
import { expect, onTestFinished, test } from "vitest";
import { callHeaders, FLAG, FRAME, frame, headerBlock } from "../../fuzz/http2-frames.js";
import { MAX_ABANDONED_STREAMS } from "./new-streams.js";
import { startEchoServer } from "./testing/echo-server.js";
import { ECHO_TYPE_NAME } from "./testing/echo-service.js";
import { FramePeer } from "./testing/frame-peer.js";
import { openRawStream } from "./testing/raw-stream.js";

const BLOCK = headerBlock(callHeaders(`/${ECHO_TYPE_NAME}/Unary`));
const CANCEL = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
/** This many streams, begun and reset. */
function* abandoned(count: number): Generator<Buffer> {
  for (let i = 0; i < count; i += 1) {
    yield frame(FRAME.headers, FLAG.endHeaders, 2 * i + 1, BLOCK);
    yield frame(FRAME.reset, 0, 2 * i + 1, CANCEL);
  }
}

test("a connection whose streams are reset before they are served is ended, and no other", async () => {
  const { address, client, metrics } = await startEchoServer();
  expect(await client.unary("before")).toMatchObject({ text: "before" });
  const peer = await FramePeer.open(address);
  // Some are served as they come.
  peer.send(abandoned(4 * MAX_ABANDONED_STREAMS));
  const { payload } = await peer.until(({ type }) => type === FRAME.goaway);
  // Behind the last stream that the server has seen.
  expect(payload.readUInt32BE(4)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  expect(await metrics.metrics()).toContain("holdfast_ended_connections_total 1");
  expect(await client.unary("after")).toMatchObject({ text: "after" });
});

test("a client may cancel many calls at once, also before they are served", async () => {
  const { address, metrics } = await startEchoServer();
  const peer = await FramePeer.open(address);
  peer.send(abandoned(MAX_ABANDONED_STREAMS));
  peer.send([frame(FRAME.ping, 0, 0, Buffer.alloc(8))]);
  await peer.until(({ type, flags }) => type === FRAME.ping && flags === FLAG.ack);
  expect(await metrics.metrics()).toContain("holdfast_ended_connections_total 0");
});

test("all calls that come in one packet are served", async () => {
  const { address } = await startEchoServer();
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  const calls = Array.from({ length: 500 }, async () => {
    const stream = session.request(callHeaders(`/${ECHO_TYPE_NAME}/Unary`));
    stream.end(Buffer.alloc(5));
    const trailers = new Promise((resolve) => stream.once("trailers", resolve));
    stream.resume();
    return await trailers;
  });
  for (const trailers of await Promise.all(calls)) expect(trailers).toMatchObject({ "grpc-status": "0" });
});

test("a message that comes in parts of one byte is served", async () => {
  const { address } = await startEchoServer();
  const stream = openRawStream(address);
  const text = "x".repeat(3000);
  // Field 1, its length in two bytes.
  const value = Buffer.concat([Buffer.from([0x0a, 0xb8, 0x17]), Buffer.from(text)]);
  const message = Buffer.concat([Buffer.from([0, 0, 0, value.length >> 8, value.length & 0xff]), value]);
  for (const byte of message) stream.sendBytes(Buffer.of(byte));
  expect(await stream.close()).toMatchObject({ "grpc-status": "0" });
});
