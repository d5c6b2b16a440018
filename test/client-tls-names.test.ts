import { readFileSync } from "node:fs";
import { type Client, Metadata, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { channelCredentials, openChannel } from "../clients/typescript/src/call/channel.js";
import { connectionSettings } from "../clients/typescript/src/call/connection-settings.js";
import type { Address } from "../clients/typescript/src/call/target.js";

/** Of this project's tests: for `localhost` and 127.0.0.1. */
const pem = (name: string) => readFileSync(new URL(`../src/rpc/testing/tls/${name}.pem`, import.meta.url));

/** A server on an address that its certificate does not have. */
async function listen(): Promise<number> {
  const server = new Server();
  const keys = [{ private_key: pem("server-key"), cert_chain: pem("server") }];
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createSsl(null, keys);
    server.bindAsync("127.0.0.2:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  onTestFinished(() => server.forceShutdown());
  return port;
}

function open(address: Address, serverName?: string): Client {
  const tls = { ca: pem("ca"), ...(serverName && { serverName }) };
  const options = { address: "localhost", tls };
  const client = openChannel(
    address,
    { tls, credentials: channelCredentials(options) },
    connectionSettings(options),
  );
  onTestFinished(() => client.close());
  return client;
}

/** How a call of a method that nobody has ends. */
function call(client: Client): Promise<status | undefined> {
  return new Promise((resolve) => {
    const bytes = (message: Buffer) => message;
    const onEnd = (error: ServiceError | null) => resolve(error?.code);
    client.makeUnaryRequest("/a/b", bytes, bytes, Buffer.alloc(0), new Metadata(), {}, onEnd);
  });
}

test("the certificate of a server that was found by a name must have that name, not its address", async () => {
  const port = await listen();
  const target = `ipv4:127.0.0.2:${port}`;
  // Answered: the connection was made.
  expect(await call(open({ target, name: { host: "localhost", port } }))).toBe(status.UNIMPLEMENTED);
  expect(await call(open({ target, name: { host: "other.test", port } }))).toBe(status.UNAVAILABLE);
  expect(await call(open({ target }))).toBe(status.UNAVAILABLE);
  expect(await call(open({ target }, "localhost"))).toBe(status.UNIMPLEMENTED);
});
