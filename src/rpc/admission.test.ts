import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { Admission } from "./admission.js";
import { failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { findDetail, reasonOf, statusDetails } from "./testing/status-details.js";

test("unary calls beyond the limit are refused at once, say when to come again, and make room when they end", async () => {
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let serving = 0;
  const { client } = await startEchoServer({
    settings: { maxCallsInFlight: 8 },
    handlers: {
      async unary(request) {
        serving += 1;
        await finished;
        return request;
      },
    },
  });
  const calls = Array.from({ length: 10 }, (_, n) => client.unary(`${n}`));
  const outcomes = Promise.allSettled(calls);
  const refused = await failure(Promise.race(calls));
  expect(refused.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(reasonOf(refused)).toBe("OVERLOADED");
  expect(findDetail(statusDetails(refused), RetryInfoSchema)?.retryDelay?.nanos).toBeGreaterThan(0);

  finish();
  expect((await outcomes).filter((outcome) => outcome.status === "fulfilled")).toHaveLength(4);
  expect(serving).toBe(4);
  expect(await client.unary("again")).toMatchObject({ text: "again" });
});

test("one tenant has at most half, so that another finds room", () => {
  const admission = new Admission({ maxCallsInFlight: 8 });
  for (let n = 0; n < 4; n += 1) admission.enter("greedy");
  expect(() => admission.enter("greedy")).toThrow("this tenant has 4 calls at a time, at most 4 may be");
  for (let n = 0; n < 4; n += 1) admission.enter("modest");
  expect(() => admission.enter("third")).toThrow("this server serves 8 calls at a time, at most 8 may be");
  admission.leave("greedy");
  admission.enter("third");
  for (let n = 0; n < 3; n += 1) admission.leave("greedy");
  for (let n = 0; n < 3; n += 1) admission.enter("greedy");
});
