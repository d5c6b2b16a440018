import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ChannelCredentials, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { createServerCredentials, type TlsFiles } from "./credentials.js";
import { EchoClient, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";

function pem(name: string): string {
  return fileURLToPath(new URL(`testing/tls/${name}.pem`, import.meta.url));
}

const SERVER: TlsFiles = { certificateFile: pem("server"), keyFile: pem("server-key") };

async function listen(files: TlsFiles): Promise<string> {
  const { server } = await startEchoServer();
  const credentials = await createServerCredentials(files);
  const { host, port } = await server.listen({ host: "127.0.0.1", port: 0, credentials });
  return `${host}:${port}`;
}

function echo(address: string, credentials: ChannelCredentials): Promise<unknown> {
  const client = new EchoClient(address, credentials, { "grpc.use_local_subchannel_pool": 1 });
  onTestFinished(() => client.close());
  return client.unary("over TLS");
}

test("calls are served over TLS, and plain text is not", async () => {
  const address = await listen(SERVER);
  const trusted = ChannelCredentials.createSsl(readFileSync(pem("ca")));
  expect(await echo(address, trusted)).toMatchObject({ text: "over TLS" });
  expect((await failure(echo(address, ChannelCredentials.createInsecure()))).code).toBe(status.UNAVAILABLE);
});

test("with a client authority, only its clients are let in", async () => {
  const address = await listen({ ...SERVER, clientCaFile: pem("ca") });
  const [ca, key, cert] = [pem("ca"), pem("client-key"), pem("client")].map((path) => readFileSync(path));
  const known = ChannelCredentials.createSsl(ca, key, cert);
  expect(await echo(address, known)).toMatchObject({ text: "over TLS" });
  const unknown = ChannelCredentials.createSsl(ca);
  expect((await failure(echo(address, unknown))).code).toBe(status.UNAVAILABLE);
});

test("files that are missing or do not belong together are named", async () => {
  await expect(createServerCredentials({ ...SERVER, keyFile: pem("nothing") })).rejects.toThrow(
    "nothing.pem",
  );
  await expect(createServerCredentials({ ...SERVER, keyFile: pem("client-key") })).rejects.toThrow(
    "client-key.pem",
  );
  await expect(createServerCredentials({ ...SERVER, keyFile: pem("server") })).rejects.toThrow(
    /not a certificate/,
  );
});
