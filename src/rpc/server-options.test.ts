import { expect, test } from "vitest";
import { toServerOptions } from "./server-options.js";
import { TEST_SETTINGS } from "./testing/echo-server.js";

test("everything grpc-js leaves off or unbounded is set", () => {
  expect(
    toServerOptions({
      ...TEST_SETTINGS,
      maxSessionMemoryMiB: 64,
    }),
  ).toEqual({
    "grpc.max_receive_message_length": 4194304,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": 1000,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc-node.max_session_memory": 64,
    "grpc.enable_channelz": 1,
  });
});

test("Infinity is said by leaving an option out: a timer takes it for one millisecond", () => {
  const options = toServerOptions(TEST_SETTINGS);
  expect(options).not.toHaveProperty(["grpc-node.max_session_memory"]);
});
