import { credentials, Metadata } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { EchoClient } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";

/** Of another tenant than callers who name none. */
const MODEST = "7d3f8c1e-0000-4000-8000-000000000043";
/** Milliseconds of the thread that each call of both takes. */
const WORK_MS = 10;

function modest(): Metadata {
  const metadata = new Metadata();
  metadata.set("holdfast-tenant", MODEST);
  return metadata;
}

function work(): void {
  for (const end = performance.now() + WORK_MS; performance.now() < end; );
}

test.each(["unary", "streamed"])("a tenant's %s messages take turns with another's calls", async (kind) => {
  const served: string[] = [];
  const { client, address } = await startEchoServer({
    handlers: {
      async unary(request, { principal }) {
        work();
        served.push(principal.tenantId);
        return request;
      },
      async *bidi(requests, { principal }) {
        for await (const request of requests) {
          work();
          served.push(principal.tenantId);
          yield request;
        }
      },
    },
  });
  const other = new EchoClient(address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  onTestFinished(() => other.close());
  await Promise.all([client.unary("a"), other.unary("a", modest())]);
  served.length = 0;

  const many = Array.from({ length: 40 }, async () => {
    if (kind === "unary") return void (await client.unary("a"));
    const stream = client.bidi();
    stream.end("a");
    for await (const _ of stream);
  });
  // Once the first is being worked on the others are there too.
  while (served.length === 0) await new Promise(setImmediate);
  const one = other.unary("a", modest());
  await Promise.all([...many, one]);
  expect(served).toHaveLength(41);
  expect(served.indexOf(MODEST)).toBeLessThan(20);
});
