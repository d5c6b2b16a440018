import { create } from "@bufbuild/protobuf";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { GetLogHeadResponseSchema } from "../../../../gen/holdfast/v1/admin_pb.js";
import type { SubscribeRequest, SubscribeResponse } from "../../../../gen/holdfast/v1/event_pb.js";
import { onBatches, store } from "../testing/append-script.js";
import { MemoryLog } from "../testing/memory-log.js";
import type { Script } from "../testing/scripted-server.js";
import { useServers } from "../testing/use-servers.js";

const { serve, connect } = useServers();

/** Far beyond what a test may take: whoever waited it out has failed. */
const FOREVER_MS = 600_000;

/** A server with all that these tests call. */
function script(name = ""): Script {
  const log = new MemoryLog();
  return {
    getLogHead: (_call, answer) => answer(null, create(GetLogHeadResponseSchema, { logId: name })),
    appendStream: onBatches((call, batch) => store(call, log, batch)),
    subscribe: (call: ServerWritableStream<SubscribeRequest, SubscribeResponse>) => {
      call.on("error", () => {});
      call.write({
        cursor: { position: 7n, logId: "l" },
        caughtUp: true,
        events: [],
      } as unknown as SubscribeResponse);
    },
  };
}

describe("when the server is back", () => {
  // Waits as long as they may be: what goes on before that has been told.
  beforeEach(() => {
    const random = vi.spyOn(Math, "random").mockReturnValue(0.999);
    return () => random.mockRestore();
  });

  const retry = { initialDelayMs: FOREVER_MS, maxDelayMs: FOREVER_MS };

  /** A client whose server has gone, and that server's return. */
  async function away() {
    const server = await serve(script());
    const holdfast = connect(server, { retry, deadlineMs: 2 * FOREVER_MS });
    await holdfast.admin.getLogHead();
    return { holdfast, server, comeBack: () => serve(script(), server.port) };
  }

  test("calls that wait for their next attempt are made at once", async () => {
    const { holdfast, server, comeBack } = await away();
    server.kill();
    const answers = Promise.all([holdfast.admin.getLogHead(), holdfast.admin.getLogHead()]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await comeBack();
    expect(await answers).toHaveLength(2);
  });

  test("a recorder goes on at once", async () => {
    const { holdfast, server, comeBack } = await away();
    server.kill();
    const record = holdfast.recorder().observe({ type: "test", content: "" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await comeBack();
    expect(await record).toMatchObject({ position: 1n });
  });

  test("a subscription goes on at once", async () => {
    const { holdfast, server, comeBack } = await away();
    server.kill();
    const subscription = holdfast.events.subscribe({ after: "start" });
    const opened = subscription.opened();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await comeBack();
    await opened;
    subscription.close();
  });
});
