import { setTimeout as delay } from "node:timers/promises";
import { Metadata, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { RequestInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { CallContext } from "./call-context.js";
import { collect, failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { findDetail, reasonOf, statusDetails } from "./testing/status-details.js";

test("each of the four kinds of call is served", async () => {
  const { client } = await startEchoServer();

  expect((await client.unary("ünï")).text).toBe("ünï");
  expect(await collect(client.serverStream("a"))).toMatchObject({
    texts: ["a", "a"],
    status: { code: status.OK },
  });

  const up = client.clientStream();
  for (const text of ["a", "b", "c"]) up.call.write(text);
  up.call.end();
  expect(await up.answer).toBe("abc");

  const both = client.bidi();
  for (const text of ["a", "b", "c"]) both.write(text);
  both.end();
  expect(await collect(both)).toMatchObject({ texts: ["a", "b", "c"], status: { code: status.OK } });
});

test("a bidi handler goes on answering after its loop over the requests has ended", async () => {
  const { client } = await startEchoServer({
    handlers: {
      async *bidi(requests) {
        let count = 0;
        for await (const _ of requests) count++;
        await delay(5);
        yield { value: `got ${count}` };
        yield { value: "done" };
      },
    },
  });
  const call = client.bidi();
  call.write("a");
  call.write("b");
  call.end();

  expect(await collect(call)).toMatchObject({ texts: ["got 2", "done"], status: { code: status.OK } });
});

test("a bidi handler that leaves its loop over the requests early can still answer", async () => {
  const { client } = await startEchoServer({
    handlers: {
      async *bidi(requests) {
        for await (const { value } of requests) {
          if (value === "stop") break;
        }
        yield { value: "stopped" };
      },
    },
  });
  const call = client.bidi();
  call.write("stop");
  call.write("never read");

  expect(await collect(call)).toMatchObject({ texts: ["stopped"], status: { code: status.OK } });
});

test("an empty message is a message", async () => {
  const { client } = await startEchoServer();
  expect((await client.unary("")).text).toBe("");
  const call = client.bidi();
  call.write("");
  call.end();
  expect((await collect(call)).texts).toEqual([""]);
});

test("the signal of a call that ended well never aborts", async () => {
  const contexts: CallContext[] = [];
  const { client } = await startEchoServer({
    handlers: {
      async unary(request, context) {
        contexts.push(context);
        return request;
      },
      async *serverStream(request, context) {
        contexts.push(context);
        yield request;
      },
    },
  });
  await client.unary("a");
  await collect(client.serverStream("a"));
  await delay(20);

  expect(contexts.map(({ signal }) => signal.aborted)).toEqual([false, false]);
});

test("a refusal reaches the client of each kind of call as its status", async () => {
  function refuse(): never {
    throw new HoldfastError(ErrorReason.SESSION_CLOSED, "the session is closed", { metadata: { id: "s1" } });
  }
  const { client } = await startEchoServer({
    handlers: {
      unary: async () => refuse(),
      async *serverStream(request) {
        yield request;
        refuse();
      },
      clientStream: async () => refuse(),
      // biome-ignore lint/correctness/useYield: it refuses before it could
      async *bidi() {
        refuse();
      },
    },
  });

  const failures = [
    await failure(client.unary("a")),
    (await collect(client.serverStream("a"))).status,
    await failure(client.clientStream().answer),
    (await collect(client.bidi())).status,
  ];
  for (const failed of failures) {
    expect(failed.code).toBe(status.FAILED_PRECONDITION);
    expect(failed.details).toBe("the session is closed");
    expect(reasonOf(failed)).toBe("SESSION_CLOSED");
  }
});

test("what a handler throws by mistake is INTERNAL and tells the caller only the request id", async () => {
  const { client, logLines } = await startEchoServer({
    handlers: {
      async unary() {
        // As pg throws: a string for a code.
        throw Object.assign(new Error("duplicate key value"), {
          code: "23505",
          detail: "Key (secret) exists",
        });
      },
    },
  });
  const metadata = new Metadata();
  metadata.set("x-request-id", "trace-7");
  const error = await failure(client.unary("a", metadata));

  expect(error.code).toBe(status.INTERNAL);
  expect(error.details).toBe("internal error, request trace-7");
  expect(reasonOf(error)).toBe("INTERNAL");
  expect(findDetail(statusDetails(error), RequestInfoSchema)?.requestId).toBe("trace-7");
  const [line] = logLines;
  expect(line).toMatchObject({
    level: 50,
    requestId: "trace-7",
    code: "INTERNAL",
    cause: { message: "duplicate key value", code: "23505" },
  });
  expect(JSON.stringify(logLines)).not.toContain("secret");
});

test("a numeric code on a foreign error does not choose the status", async () => {
  const { client } = await startEchoServer({
    handlers: {
      async unary() {
        throw Object.assign(new Error("not ours"), { code: status.NOT_FOUND });
      },
    },
  });
  expect((await failure(client.unary("a"))).code).toBe(status.INTERNAL);
});

test("an answer that cannot be encoded is INTERNAL, on a stream too", async () => {
  const unprintable = Object.create(null);
  const wrong = { value: unprintable };
  const { client } = await startEchoServer({
    handlers: {
      unary: async () => wrong,
      async *serverStream() {
        yield { value: "fine" };
        yield wrong;
      },
    },
  });
  expect((await failure(client.unary("a"))).code).toBe(status.INTERNAL);
  expect(await collect(client.serverStream("a"))).toMatchObject({
    texts: ["fine"],
    status: { code: status.INTERNAL },
  });
});

test("the request id is the caller's if it is fit to be logged, else a new one", async () => {
  const { client } = await startEchoServer();
  async function echoed(id: string): Promise<unknown> {
    const metadata = new Metadata();
    metadata.set("x-request-id", id);
    return (await client.unary("a", metadata)).header.get("x-request-id")[0];
  }
  expect(await echoed("abc-123/def")).toBe("abc-123/def");
  expect(await echoed("two words")).toMatch(/^[0-9a-f-]{36}$/);
  expect(await echoed("x".repeat(129))).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  ["service", "/holdfast.v1.Nothing/Do"],
  ["method of a service", "/holdfast.testing.Echo/Nothing"],
  ["name in any form", `/${"x/ü".repeat(1000)}`],
])("an unknown %s is UNIMPLEMENTED, with details as any other failure", async (_, path) => {
  const { client } = await startEchoServer();
  const error = await failure(
    new Promise((resolve, reject) =>
      client.makeUnaryRequest(
        path,
        () => Buffer.alloc(0),
        String,
        "",
        (problem, value) => (problem ? reject(problem) : resolve(value)),
      ),
    ),
  );
  expect(error.code).toBe(status.UNIMPLEMENTED);
  expect(reasonOf(error)).toBe("UNIMPLEMENTED");
  expect(error.metadata.get("x-request-id")[0]).toMatch(/^[0-9a-f-]{36}$/);
});
