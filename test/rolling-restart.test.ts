import { execFile } from "node:child_process";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { promisify } from "node:util";
import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  MessageShape,
} from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { MovableStream } from "../clients/typescript/src/call/movable-stream.js";
import { type StreamOptions, Transport } from "../clients/typescript/src/call/transport.js";
import { Holdfast } from "../clients/typescript/src/holdfast.js";
import type { ConnectOptions } from "../clients/typescript/src/index.js";
import type { Input } from "../clients/typescript/src/wire/input.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { RestartedServer } from "./support/restarted-server.js";
import { SteadyLoad } from "./support/steady-load.js";

const APPEND = "/holdfast.v1.EventService/Append";
/** Milliseconds that a call may take: on a busy machine a server needs long to start. */
const PATIENT_MS = 240_000;
const CALLS = 50;

let database: TestDatabase;
const servers: RestartedServer[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  const args = ["--drain-announce-ms", "500", "--drain-timeout-ms", String(PATIENT_MS)];
  // One after the other: the first brings the database to this version.
  for (const host of ["127.0.0.2", "127.0.0.3"]) {
    servers.push(await RestartedServer.start(database.url, host, args));
  }
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  await database.close();
});

/** A client that tells how often each of its streams was opened. */
class CountedTransport extends Transport {
  readonly streams = new Set<MovableStream>();

  override duplex<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    options: StreamOptions = {},
  ) {
    this.#count(options);
    return super.duplex(method, options);
  }

  override serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    input: Input<MessageShape<I>>,
    options: StreamOptions = {},
  ) {
    this.#count(options);
    return super.serverStream(method, input, options);
  }

  #count({ movable }: StreamOptions): void {
    if (movable) this.streams.add(movable);
  }
}

function openClient(options: ConnectOptions) {
  const transport = new CountedTransport({
    deadlineMs: PATIENT_MS,
    tenantId: crypto.randomUUID(),
    ...options,
  });
  const holdfast = new Holdfast(transport);
  onTestFinished(() => holdfast.close());
  return { holdfast, streams: transport.streams };
}

/** Resolves when each of them has answered calls since it was started. */
async function areAllCalled(): Promise<void> {
  for (const server of servers) {
    await expect.poll(() => server.answered(APPEND), { timeout: PATIENT_MS }).toBeGreaterThan(0);
  }
}

/** What each of them answers of a number of calls. */
async function shares(holdfast: Holdfast): Promise<readonly number[]> {
  const before = await Promise.all(servers.map((server) => server.answered(APPEND)));
  for (let i = 0; i < CALLS; i++) {
    await holdfast.events.append([{ case: "observation", value: { type: "counted" } }]);
  }
  const after = await Promise.all(servers.map((server) => server.answered(APPEND)));
  return after.map((count, i) => (count - (before[i] ?? 0)) / CALLS);
}

async function expectNothingLost(load: SteadyLoad): Promise<void> {
  const events = await load.stop();
  expect(load.failures).toEqual([]);
  const stored = events.map(
    ({ entity, position }) => [(entity.value as { id: string }).id, position] as const,
  );
  expect(new Map(stored).size).toBe(stored.length);
  expect([...load.acknowledged].filter(([id, position]) => new Map(stored).get(id) !== position)).toEqual([]);
  const positions = events.map(({ position }) => position);
  for (const told of load.told) expect(told).toEqual(positions);
}

test("servers restarted one after the other fail no call, and calls and streams are spread over them again", async () => {
  const { holdfast, streams } = openClient({ address: servers.map(({ address }) => address) });
  await expect
    .poll(() => shares(holdfast), { timeout: PATIENT_MS })
    .toSatisfy((each: readonly number[]) => each.every((share) => share > 0));
  const load = new SteadyLoad(holdfast);
  for (const server of servers) {
    expect(await server.stop()).toBe(0);
    await server.start();
    // As who restarts many waits for each to serve.
    await areAllCalled();
  }
  await expectNothingLost(load);
  const reconnects = [...streams].map(({ opens }) => opens - 1);
  expect(reconnects.filter((count) => count > 2)).toEqual([]);
  // Not at once if a server said in between that it does not serve.
  await expect
    .poll(() => shares(holdfast), { timeout: PATIENT_MS })
    .toSatisfy((each: readonly number[]) => each.every((share) => share >= 0.4 && share <= 0.6));
});

test("a program that used several servers ends by itself once it has closed its client", async () => {
  const client = new URL("../dist/clients/typescript/src/index.js", import.meta.url).href;
  const program = `
    import { connect } from ${JSON.stringify(client)};
    const holdfast = connect({ address: ${JSON.stringify(servers.map(({ address }) => address))} });
    await holdfast.recorder().observe({ type: "last words" });
    const subscription = holdfast.events.subscribe();
    await subscription.opened();
    await holdfast.close();
    console.log("closed");
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  expect(stdout).toBe("closed\n");
});

/** Passes each connection to the next server in turn, whether it is there or not. */
async function startProxy(): Promise<string> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const proxy = createServer((near) => {
    const server = servers[turn++ % servers.length] as RestartedServer;
    const far = connectSocket({ host: server.host, port: server.port });
    const pair = [near, far];
    for (const socket of pair) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        for (const each of pair) each.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(proxy.address() as { port: number }).port}`;
}

test("servers restarted one after the other behind a proxy that knows nothing of health fail no call", async () => {
  const address = await startProxy();
  const clients = [0, 1].map(() => openClient({ address }).holdfast);
  const loads = clients.map((holdfast) => new SteadyLoad(holdfast));
  for (const server of servers) {
    expect(await server.stop()).toBe(0);
    await server.start();
  }
  for (const load of loads) await expectNothingLost(load);
});
