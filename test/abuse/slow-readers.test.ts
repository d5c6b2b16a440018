import { readFile } from "node:fs/promises";
import { constants } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { connect } from "@holdfast/client";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { observation, payload } from "../support/entries.js";
import { RpcClient } from "../support/rpc-client.js";
import { type SilentEnd, SilentReader } from "../support/silent-reader.js";
import { present } from "../support/tenant.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const TENANT_LIMIT = 4 * MIB;
/** A page is one event, and so many may be read at once when the room ends: each may be one over. */
const EVENT_BYTES = 900 * KIB;
const READ_AT_ONCE = 4;
const EVENTS = 8;
/** Unread, one event for each of them would be 280 MiB. */
const STREAMS = 320;
/** Streams opened before the server is seen to answer others. */
const BURST = 20;
/** What a stream costs besides its answers, and what the server needs for its work, whoever reads. */
const STREAM_BYTES = 64 * KIB;
const WORK_BYTES = 128 * MIB;

const server = useAbusedServer({
  HOLDFAST_MAX_TENANT_UNSENT_BYTES: String(TENANT_LIMIT),
  HOLDFAST_MAX_UNSENT_BYTES: String(2 * TENANT_LIMIT),
  HOLDFAST_STALLED_READER_MS: "500",
});

async function residentBytes(): Promise<number> {
  const text = await readFile(`/proc/${server.process.child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) * KIB;
}

/** Waits until a metric is as expected. */
async function until(name: string, labels: string, isReached: (value: number) => boolean): Promise<void> {
  while (!isReached(await server.metric(name, labels))) await delay(50);
}

const nothing = (value: number) => value === 0;
const endedFor = (reason: string) => server.metric("holdfast_unread_calls_ended_total", reason);

beforeAll(async () => {
  const writer = new RpcClient(server.grpc, { token: server.token("abuser") });
  for (let i = 0; i < EVENTS; i++) {
    const data = payload(Buffer.alloc(EVENT_BYTES, i), "application/octet-stream");
    await writer.unary(EventService.method.append, { entries: [observation({ data })] });
  }
  writer.close();
});

test("subscribers that never read are held to a limit, and those of their tenant that read are served", async () => {
  const before = await residentBytes();
  let mostUnsent = 0;
  let mostResident = 0;
  const observe = async () => {
    mostUnsent = Math.max(mostUnsent, await server.metric("holdfast_unsent_bytes"));
    mostResident = Math.max(mostResident, await residentBytes());
  };
  const reader = new SilentReader(server.grpc, server.token("abuser"));
  await besideModestTenant(server, async () => {
    const ends: Promise<SilentEnd>[] = [];
    for (let i = 0; i < STREAMS; i++) {
      ends.push(reader.call(EventService.method.subscribe, { after: { position: BigInt(i % EVENTS) } }));
      if (i % BURST === 0) await observe();
    }
    await until("holdfast_unsent_bytes", "", (bytes) => bytes > TENANT_LIMIT / 2);

    const { host, port } = server.grpc;
    const client = connect({ address: `${host}:${port}`, token: server.token("abuser") });
    onTestFinished(() => client.close());
    const positions: bigint[] = [];
    for await (const { position } of client.events.subscribe({ after: "start" })) {
      positions.push(position);
      await observe();
      if (positions.length === EVENTS) break;
    }
    expect(positions).toEqual(Array.from({ length: EVENTS }, (_, i) => BigInt(i + 1)));

    // Its room was made by ending those that do not read.
    const { rstCode } = await Promise.race(ends);
    expect(rstCode).toBe(constants.NGHTTP2_REFUSED_STREAM);
    expect(await endedFor("no_room")).toBeGreaterThan(0);
    await observe();
  });
  expect(mostUnsent).toBeLessThanOrEqual(TENANT_LIMIT + (1 + READ_AT_ONCE) * EVENT_BYTES);
  expect(mostResident - before).toBeLessThan(WORK_BYTES + STREAMS * STREAM_BYTES + 4 * TENANT_LIMIT);

  reader.close();
  await until("holdfast_unsent_bytes", "", nothing);
  await until("holdfast_unread_calls", "", nothing);
});

test("answers of unary calls that are not read are held to the limit, and their calls ended when it is reached", async () => {
  const reader = new SilentReader(server.grpc, server.token("abuser"));
  await besideModestTenant(server, async () => {
    const calls = Array.from({ length: 12 }, () =>
      reader.call(EventService.method.listEvents, { pageSize: 1 }).then((end) => {
        // Those that were refused end at once, with a status.
        if (end.status === undefined) return end;
        expect(end.status).toBe(status.RESOURCE_EXHAUSTED);
        throw new Error("refused");
      }),
    );
    expect(await Promise.any(calls)).toMatchObject({ rstCode: constants.NGHTTP2_REFUSED_STREAM });
    expect(await server.metric("holdfast_unsent_bytes")).toBeLessThanOrEqual(TENANT_LIMIT + 2 * EVENT_BYTES);
  });
  reader.close();
  await until("holdfast_unsent_bytes", "", nothing);
  const { events } = await server.as("abuser").unary(EventService.method.listEvents, { pageSize: 1 });
  expect(present(events[0]).position).toBe(1n);
});
