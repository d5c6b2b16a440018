import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ServerCredentials } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { ListenError } from "./listen-error.js";
import { startEchoServer } from "./testing/echo-server.js";

const credentials = ServerCredentials.createInsecure();

test("a port that is taken is a ListenError that names the address, and nothing is printed", async () => {
  const printed: unknown[] = [];
  const { error } = console;
  console.error = (...args) => printed.push(args);
  onTestFinished(() => {
    console.error = error;
  });
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { server } = await startEchoServer();

  const failed = await server
    .listen({ host: "127.0.0.1", port, credentials })
    .catch((problem: unknown) => problem);
  expect(failed).toBeInstanceOf(ListenError);
  expect(failed).toMatchObject({
    code: "EADDRINUSE",
    host: "127.0.0.1",
    port,
    message: `cannot listen on 127.0.0.1:${port}: another process listens there`,
  });
  expect(printed).toEqual([]);
});

test("an address that is not this machine's is a ListenError", async () => {
  const { server } = await startEchoServer();
  const failed = await server
    .listen({ host: "192.0.2.1", port: 4650, credentials })
    .catch((problem: unknown) => problem);
  expect(failed).toMatchObject({ name: "ListenError", code: "EADDRNOTAVAIL" });
});

test("a server listens on a name and on IPv6 loopback", async () => {
  const { server } = await startEchoServer();
  const named = await server.listen({ host: "localhost", port: 0, credentials });
  expect(named).toEqual({ host: "localhost", port: expect.any(Number) });
  expect(named.port).toBeGreaterThan(0);
});
