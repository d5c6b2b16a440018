import { once } from "node:events";
import { connect } from "node:http2";
import { expect, onTestFinished, test } from "vitest";
import { startEchoServer } from "./testing/echo-server.js";

test("a connection may send a mebibyte before it is read", async () => {
  const { address } = await startEchoServer();
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  // What the server grants comes behind its settings, at the latest with the answer to this.
  await new Promise((resolve) => session.ping(resolve));
  expect(session.state.remoteWindowSize).toBe(1024 * 1024);
});
