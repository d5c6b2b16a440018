import { create } from "@bufbuild/protobuf";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Status,
} from "../../../../gen/grpc/health/v1/health_pb.js";
import { GetLogHeadResponseSchema } from "../../../../gen/holdfast/v1/admin_pb.js";
import type { SubscribeRequest, SubscribeResponse } from "../../../../gen/holdfast/v1/event_pb.js";
import { onBatches, store } from "../testing/append-script.js";
import { MemoryLog } from "../testing/memory-log.js";
import type { Script } from "../testing/scripted-server.js";
import { useServers } from "../testing/use-servers.js";

const { serve, connect } = useServers();

/** Far beyond what a test may take: whoever waited it out has failed. */
const FOREVER_MS = 600_000;
const UNAVAILABLE = { code: 14, details: "not now" };

/** A server that says of itself what it is told to say, and who is using it. */
function player(name: string) {
  const watchers = new Set<ServerWritableStream<HealthCheckRequest, HealthCheckResponse>>();
  const log = new MemoryLog();
  const state = { calls: 0, streams: 0, health: Status.SERVING, fails: false };
  const tell = (call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) =>
    call.write({ status: state.health } as HealthCheckResponse);
  const count = (call: NodeJS.EventEmitter) => {
    state.streams++;
    // grpc-js says so of every call that ends.
    call.once("cancelled", () => state.streams--);
  };
  const answer = onBatches((call, batch) => store(call, log, batch));
  const script: Script = {
    watch: (call) => {
      call.on("error", () => {});
      watchers.add(call);
      call.once("cancelled", () => watchers.delete(call));
      tell(call);
    },
    getLogHead: (_call, respond) => {
      state.calls++;
      respond(state.fails ? UNAVAILABLE : null, create(GetLogHeadResponseSchema, { logId: name }));
    },
    appendStream: (call) => {
      count(call);
      answer(call);
    },
    subscribe: (call: ServerWritableStream<SubscribeRequest, SubscribeResponse>) => {
      call.on("error", () => {});
      count(call);
      call.write({
        cursor: { position: 7n, logId: "l" },
        caughtUp: true,
        events: [],
      } as unknown as SubscribeResponse);
    },
  };
  return {
    state,
    script,
    log,
    say(health: Status) {
      state.health = health;
      for (const watcher of watchers) tell(watcher);
    },
  };
}

async function pair() {
  const players = [player("first"), player("second")] as const;
  const servers = [await serve(players[0].script), await serve(players[1].script)] as const;
  const addresses = servers.map(({ address }) => address);
  return { players, servers, addresses };
}

type Client = ReturnType<typeof connect>;

/** Makes calls until each of these has answered one. */
async function untilCalled(holdfast: Client, players: readonly ReturnType<typeof player>[]): Promise<void> {
  for (const { state } of players) state.calls = 0;
  await expect
    .poll(async () => {
      await holdfast.admin.getLogHead();
      return players.every(({ state }) => state.calls > 0);
    })
    .toBe(true);
}

/** Who answers so many calls, made one after the other. */
async function answersOf(holdfast: Client, calls: number): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  for (let i = 0; i < calls; i++) {
    const { logId } = await holdfast.admin.getLogHead();
    answers[logId] = (answers[logId] ?? 0) + 1;
  }
  return answers;
}

describe("with several addresses", () => {
  test.each([
    ["as a list", (addresses: readonly string[]) => addresses],
    ["as one target", (addresses: readonly string[]) => `ipv4:${addresses.join(",")}`],
  ])("given %s, calls go to one after the other", async (_, addressOf) => {
    const { players, addresses } = await pair();
    const holdfast = connect({ address: "" }, { address: addressOf(addresses) });
    await untilCalled(holdfast, players);
    expect(await answersOf(holdfast, 10)).toEqual({ first: 5, second: 5 });
  });

  test("calls go to servers that serve, and to another one once it does", async () => {
    const { players, addresses } = await pair();
    players[0].state.health = Status.NOT_SERVING;
    const holdfast = connect({ address: "" }, { address: addresses });
    await untilCalled(holdfast, [players[1]]);
    expect(await answersOf(holdfast, 10)).toEqual({ second: 10 });
    players[0].say(Status.SERVING);
    await untilCalled(holdfast, players);
    expect(await answersOf(holdfast, 10)).toEqual({ first: 5, second: 5 });
    players[1].say(Status.NOT_SERVING);
    await expect.poll(() => answersOf(holdfast, 4)).toEqual({ first: 4 });
  });

  test("where none serves, calls are made all the same: reads may be answered", async () => {
    const { players, addresses } = await pair();
    for (const { state } of players) state.health = Status.NOT_SERVING;
    const holdfast = connect({ address: "" }, { address: addresses });
    await untilCalled(holdfast, players);
  });

  test("servers that have no health service are called while they are connected", async () => {
    const { players, servers } = await pair();
    const plain = await serve({ getLogHead: players[0].script.getLogHead } as Script);
    const other = await serve({ getLogHead: players[1].script.getLogHead } as Script);
    for (const server of servers) server.kill();
    const holdfast = connect({ address: "" }, { address: [plain.address, other.address] });
    await untilCalled(holdfast, players);
    expect(await answersOf(holdfast, 10)).toEqual({ first: 5, second: 5 });
    plain.kill();
    expect(await answersOf(holdfast, 10)).toEqual({ second: 10 });
  });

  test("a call that one server is unavailable for is made at another one at once", async () => {
    const { players, addresses } = await pair();
    const retry = { initialDelayMs: FOREVER_MS, maxDelayMs: FOREVER_MS };
    const holdfast = connect({ address: "" }, { address: addresses, retry });
    await untilCalled(holdfast, players);
    players[0].state.fails = true;
    expect(await answersOf(holdfast, 10)).toEqual({ second: 10 });
    expect(players[0].state.calls).toBeGreaterThan(1);
  });

  test("calls and streams of a server that is gone go on with another one, and come back with it", async () => {
    const { players, servers, addresses } = await pair();
    const holdfast = connect({ address: "" }, { address: addresses });
    await untilCalled(holdfast, players);
    const recorders = [holdfast.recorder(), holdfast.recorder()];
    for (const recorder of recorders) await recorder.observe({ type: "test" });
    const subscriptions = [0, 1].map(() => holdfast.events.subscribe({ after: "start" }));
    const followed = subscriptions.map(async (subscription) => {
      for await (const _ of subscription);
    });
    for (const subscription of subscriptions) await subscription.opened();
    const streams = () => players.map(({ state }) => state.streams);
    expect(streams()).toEqual([2, 2]);

    servers[0].kill();
    expect(await answersOf(holdfast, 10)).toEqual({ second: 10 });
    for (const recorder of recorders) await recorder.observe({ type: "test" });
    await expect.poll(streams).toEqual([0, 4]);

    await serve(players[0].script, servers[0].port);
    await untilCalled(holdfast, players);
    await expect
      .poll(async () => {
        // A recorder that has nothing to record needs no stream.
        for (const recorder of recorders) await recorder.observe({ type: "test" });
        return streams();
      })
      .toEqual([2, 2]);
    for (const subscription of subscriptions) subscription.close();
    await Promise.all(followed);
    // Each once, whoever took them.
    for (const { log } of players) expect(new Set(log.ids).size).toBe(log.ids.length);
  });
});

test.each([[[]], ["nonsense:port"], ["a:70000"], [""]])("the address %j is refused", (address) => {
  expect(() => connect({ address: "" }, { address })).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});
