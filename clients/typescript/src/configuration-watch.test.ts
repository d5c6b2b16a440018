import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  type WatchConfigurationsRequest,
  WatchConfigurationsResponseSchema,
} from "../../../gen/holdfast/v1/configuration_pb.js";
import { useServers } from "./testing/use-servers.js";

const { serve, connect } = useServers();

function page(position: bigint, ...keys: string[]) {
  const changes = keys.map((key) => ({ key, position }));
  return create(WatchConfigurationsResponseSchema, {
    changes,
    cursor: { position, logId: "log-1" },
    caughtUp: true,
  });
}

test("a watch that is cut goes on after its last page, and its cursor never skips one", async () => {
  const requests: WatchConfigurationsRequest[] = [];
  const pages = [page(5n, "b", "a"), page(7n, "c"), page(9n, "d")];
  const server = await serve({
    watchConfigurations: (call) => {
      requests.push(call.request);
      call.write(pages[requests.length - 1] as (typeof pages)[number]);
      setTimeout(() => call.emit("error", { code: 14, details: "cut" }), 10);
    },
  });
  const watch = connect(server).configurations.watch({ prefixes: ["x."], agentId: "planner" });
  const told: (string | bigint | undefined)[] = [];
  for await (const { key } of watch) {
    told.push(key, watch.cursor?.position);
    if (key === "d") break;
  }
  expect(told).toEqual(["b", undefined, "a", undefined, "c", 5n, "d", 7n]);
  expect(requests.map(({ after }) => [after?.position, after?.logId])).toEqual([
    [undefined, undefined],
    [5n, "log-1"],
    [7n, "log-1"],
  ]);
  for (const request of requests) expect(request).toMatchObject({ prefixes: ["x."], agentId: "planner" });
});
