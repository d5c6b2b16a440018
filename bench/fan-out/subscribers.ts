// A process of many subscribers to the events of one session. Few of them read what they get; all of them take it.
import { setTimeout as delay } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientReadableStream, credentials } from "@grpc/grpc-js";
import {
  EventService,
  type SubscribeRequest,
  SubscribeRequestSchema,
  SubscribeResponseSchema,
} from "../../gen/holdfast/v1/event_pb.js";
import { serveWorker } from "../support/worker.js";

export interface FanOutWorkload {
  readonly subscribers: number;
  readonly connections: number;
  readonly sessionId: string;
  /** One in so many decodes what it gets and notes how old each event is. */
  readonly sampleEvery: number;
}

export interface FanOutRead {
  readonly agesMs: readonly number[];
  /** Of all subscribers, within the time. */
  readonly messages: number;
  readonly bytes: number;
}

const [address = "", workloadAsJson = "{}"] = process.argv.slice(2);
const workload: FanOutWorkload = JSON.parse(workloadAsJson);
const { parent, name } = EventService.method.subscribe;
const PATH = `/${parent.typeName}/${name}`;
const request = create(SubscribeRequestSchema, { filter: { sessionIds: [workload.sessionId] } });

let agesMs: number[] = [];
let messages = 0;
let bytes = 0;

const clients = Array.from(
  { length: workload.connections },
  () => new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 }),
);
const calls = Array.from({ length: workload.subscribers }, (_, i) => follow(i));
await Promise.all(calls.map(({ opened }) => opened));

serveWorker<{ seconds: number }, FanOutRead>(
  async ({ seconds }) => {
    agesMs = [];
    [messages, bytes] = [0, 0];
    await delay(seconds * 1000);
    return { agesMs, messages, bytes };
  },
  async () => {
    for (const { call } of calls) call.cancel();
    for (const client of clients) client.close();
  },
);

function follow(subscriber: number) {
  const isSample = subscriber % workload.sampleEvery === 0;
  const client = clients[subscriber % clients.length] as Client;
  const call: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
    PATH,
    (message: SubscribeRequest) => Buffer.from(toBinary(SubscribeRequestSchema, message)),
    (received: Buffer) => received,
    request,
  );
  const opened = new Promise<void>((resolve, reject) => {
    call.on("data", (received: Buffer) => {
      messages += 1;
      bytes += received.byteLength;
      if (isSample) noteAges(received);
      resolve();
    });
    // Cancelled by ourselves at the end.
    call.on("error", (error) => reject(error));
  });
  return { call, opened };
}

function noteAges(received: Buffer): void {
  const now = performance.timeOrigin + performance.now();
  for (const { commitTime } of fromBinary(SubscribeResponseSchema, received).events) {
    agesMs.push(now - (Number(commitTime?.seconds ?? 0n) * 1000 + (commitTime?.nanos ?? 0) / 1e6));
  }
}
