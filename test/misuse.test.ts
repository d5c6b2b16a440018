import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { captureConversation, hostileBytes, PREFACE, sendBytes } from "../fuzz/raw-bytes.js";
import { observation } from "./support/entries.js";
import { newTenant, readUpTo } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const KEEPALIVE_MS = 500;
/** Long enough for the clients of this process, which answers pings late when the machine is busy. */
const KEEPALIVE_TIMEOUT_MS = 3000;
const servers = useServers({ keepaliveTimeMs: KEEPALIVE_MS, keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS });
/** Milliseconds after which what is still open stays. */
const NEVER_MS = 60_000;

/** Connections that send the same first bytes and then nothing. */
async function open(count: number, first: Buffer): Promise<Socket[]> {
  const { host, port } = servers.app().grpc;
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect({ host, port });
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.resume();
      if (first.length > 0) socket.write(first);
      return socket;
    }),
  );
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return sockets;
}

async function expectServing(): Promise<void> {
  const tenant = newTenant(servers.app());
  const id = randomUUID();
  const { positions } = await tenant.append(observation({ id }));
  expect(positions).toEqual([1n]);
  await expectSoundLog(servers.databaseUrl, tenant.id);
}

test.each([
  ["nothing", Buffer.alloc(0)],
  ["half a preface", PREFACE.subarray(0, 10)],
  ["half a frame", Buffer.concat([PREFACE, Buffer.from([0, 0, 100, 1])])],
])("three hundred connections that send %s are dropped, and others served meanwhile", async (_, first) => {
  const sockets = await open(300, first);
  await expectServing();
  const closed = Promise.all(sockets.map((socket) => socket.closed || once(socket, "close")));
  await Promise.race([
    closed,
    delay(NEVER_MS, undefined, { ref: false }).then(() => {
      throw new Error(`${sockets.filter((socket) => !socket.closed).length} are still open`);
    }),
  ]);
  await expectServing();
});

test("clients whose frames end the HTTP/2 session, and who then go, are let go", async () => {
  const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
  const before = sockets();
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  // A connection error by RFC 9113, which Node answers and then reads no more.
  const dataOfStreamZero = Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  const gone = await open(100, Buffer.concat([PREFACE, settings, dataOfStreamZero]));
  await delay(KEEPALIVE_MS / 5);
  for (const socket of gone) socket.destroy();
  await expectServing();
  await vi.waitFor(() => expect(sockets()).toBeLessThanOrEqual(before + 5), NEVER_MS);
});

test("bytes that are no HTTP/2 end their own connection alone", async () => {
  const follower = newTenant(servers.app());
  await follower.append(observation());
  const answers = follower.subscribe();
  await answers.next();
  const arbitrary = hostileBytes(await captureConversation());
  for (const bytes of fc.sample(arbitrary, { numRuns: 300, seed: 4650 })) {
    await sendBytes(servers.app().grpc, bytes);
  }
  // A stream opened before goes on.
  await follower.append(observation());
  expect(await readUpTo(answers, 2n)).toHaveLength(1);
  await expectServing();
});
