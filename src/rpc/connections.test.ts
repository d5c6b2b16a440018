import { once } from "node:events";
import { connect } from "node:http2";
import { connect as connectSocket, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { PREFACE } from "../../fuzz/raw-bytes.js";
import { startEchoServer } from "./testing/echo-server.js";

/** Milliseconds after which what did not come does not come. */
const NEVER_MS = 60_000;

test("a connection may send a mebibyte before it is read", async () => {
  const { address } = await startEchoServer();
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  // What the server grants comes behind its settings, at the latest with the answer to this.
  await new Promise((resolve) => session.ping(resolve));
  expect(session.state.remoteWindowSize).toBe(1024 * 1024);
});

test("past the limit a connection is closed as it comes, and there is room again when another ends", async () => {
  const { address, client, metrics, logLines } = await startEchoServer({ settings: { maxConnections: 3 } });
  const [host = "", port = ""] = address.split(":");
  const open = async () => {
    const socket = connectSocket({ host, port: Number(port) });
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  expect(await client.unary("first")).toMatchObject({ text: "first" });
  const others = [await open(), await open()];
  for (const late of [await open(), await open()]) {
    await (late.closed || once(late.resume(), "close"));
  }
  expect(await client.unary("still served")).toMatchObject({ text: "still served" });
  expect(await metrics.metrics()).toContain("holdfast_dropped_connections_total 2");
  expect(logLines.filter(({ msg }) => msg === "no room for another connection")).toMatchObject([
    { limit: 3 },
  ]);

  for (const socket of others) socket.destroy();
  await vi.waitFor(async () => {
    const socket = await open();
    // Its settings, to whoever may stay.
    const [greeting] = await Promise.race([once(socket, "data"), once(socket, "close")]);
    expect(greeting).toBeInstanceOf(Buffer);
  }, NEVER_MS);
});

test("near the limit connections are closed whose clients broke HTTP/2 and left, and no others", async () => {
  const { address, client, metrics } = await startEchoServer({ settings: { maxConnections: 8 } });
  const [host = "", port = ""] = address.split(":");
  expect(await client.unary("first")).toMatchObject({ text: "first" });
  const idle = connect(`http://${address}`);
  onTestFinished(() => idle.destroy());
  await once(idle, "remoteSettings");
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  // A connection error by RFC 9113, which Node answers and then reads no more.
  const dataOfStreamZero = Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  // The last of them makes it crowded, and has not broken anything yet.
  for (let i = 0; i < 4; i++) {
    const socket = connectSocket({ host, port: Number(port) });
    await once(socket, "connect");
    socket.write(Buffer.concat([PREFACE, settings, dataOfStreamZero]));
    await readUntil(socket, "DATA: stream_id == 0");
    socket.destroy();
  }
  // Newer versions of Node notice by themselves, the last one too.
  const left = /^holdfast_open_connections [23]$/m;
  await vi.waitFor(async () => expect(await metrics.metrics()).toMatch(left), NEVER_MS);
  expect(idle.destroyed).toBe(false);
  await new Promise((resolve) => idle.ping(resolve));
  expect(await client.unary("still served")).toMatchObject({ text: "still served" });
});

/** Reads until this was said, as why a session ends is. */
async function readUntil(socket: Socket, text: string): Promise<void> {
  let read = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    read += String(chunk);
    if (read.includes(text)) return;
  }
}
