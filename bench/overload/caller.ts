// A process that appends for one tenant by unary calls: so many at a time, or so many a second whatever comes of them.
import { setTimeout as delay } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { connect, type HoldfastError } from "@holdfast/client";
import { AppendRequestSchema, EventService } from "../../gen/holdfast/v1/event_pb.js";
import { methodPath } from "../../src/rpc/service.js";
import { TENANT_KEY } from "../../src/rpc/tenant-metadata.js";
import { AGENT_ID, OBSERVATION_TYPE, payloads } from "../ingest/workload.js";
import { serveWorker } from "../support/worker.js";
import { FrameClient, framed, type Outcome } from "./frame-client.js";

export type CallerRequest = { readonly seconds: number } & (
  | { readonly atATime: number }
  | { readonly perSecond: number }
);

/**
 * Who calls: frames of HTTP/2 made beforehand, which cost next to nothing and never come again when refused; or
 * @holdfast/client, which keeps to what the server tells it.
 */
export type CallerKind = "frames" | "client";

/** What came of the calls that ended within the time. */
export interface Calls {
  readonly seconds: number;
  /** Milliseconds of each call that was accepted. */
  readonly accepted: readonly number[];
  /** Milliseconds of each that was shed: RESOURCE_EXHAUSTED. */
  readonly shed: readonly number[];
  /** Calls that ended otherwise, by what they ended with. */
  readonly otherwise: Readonly<Record<string, number>>;
  /** Calls that were due and not made, since `MOST_OUTSTANDING` were under way. */
  readonly withheld: number;
}

/** Calls under way at most: a generator that offers more than is served must not fill the machine's memory. */
const MOST_OUTSTANDING = 4000;
const TICK_MS = 2;

/** Milliseconds that the client has for a call and its retries. */
const DEADLINE_MS = 2000;
/** As many programs of one tenant: each has a connection, and reads of all of them take turns at the server. */
const CONNECTIONS = 8;

const [address = "", tenant = "", sessionId = "", entries = "1", kind = "frames"] = process.argv.slice(2);
const [host = "", port = ""] = address.split(":");
const { append } = EventService.method;
const bodies = payloads(16).map((data) => {
  const value = { sessionId, agentId: AGENT_ID, type: OBSERVATION_TYPE };
  const payload = { data, contentType: "application/json" };
  // Without ids: the server or the client makes them, so the same bytes are other observations each time.
  const entry = { case: "observation" as const, value: { ...value, data: payload } };
  return Array.from({ length: Number(entries) }, () => entry);
});
const { send, close } = kind === "client" ? openClient() : await openFrames();

interface Line {
  /** The status the call of this number ended with, or undefined when it was lost. */
  send(call: number): Promise<Outcome>;
  close(): void;
}

async function openFrames(): Promise<Line> {
  const open = () =>
    FrameClient.open({ host, port: Number(port) }, methodPath(append), { [TENANT_KEY]: tenant });
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, open));
  const requests = bodies.map((body) => {
    const request = create(AppendRequestSchema, { entries: body.map((entry) => ({ entry })) });
    return framed(toBinary(AppendRequestSchema, request));
  });
  return {
    send: (call) => inTurn(clients, call).call(inTurn(requests, call)),
    close() {
      for (const client of clients) client.close();
    },
  };
}

function openClient(): Line {
  const clients = Array.from({ length: CONNECTIONS }, () => connect({ address, tenantId: tenant }));
  return {
    send: (call) =>
      inTurn(clients, call)
        .events.append(inTurn(bodies, call), { deadlineMs: DEADLINE_MS })
        .then(
          () => status.OK,
          (error: HoldfastError) => status[error.code],
        ),
    close() {
      for (const client of clients) void client.close();
    },
  };
}

function inTurn<T>(all: readonly T[], number: number): T {
  return all[number % all.length] as T;
}

serveWorker<CallerRequest, Calls>(
  async (request) => {
    const accepted: number[] = [];
    const shed: number[] = [];
    const otherwise: Record<string, number> = {};
    const from = performance.now();
    const elapsed = () => performance.now() - from;
    const isOver = () => elapsed() >= request.seconds * 1000;
    let made = 0;
    let outstanding = 0;
    const call = async () => {
      const at = performance.now();
      outstanding += 1;
      const outcome = await send(made++);
      outstanding -= 1;
      if (isOver()) return;
      if (outcome === status.OK) accepted.push(performance.now() - at);
      else if (outcome === status.RESOURCE_EXHAUSTED) shed.push(performance.now() - at);
      else {
        const kind = outcome === undefined ? "a lost call" : (status[outcome] ?? "another status");
        otherwise[kind] = (otherwise[kind] ?? 0) + 1;
      }
    };
    let withheld = 0;
    if ("atATime" in request) {
      const one = async () => {
        while (!isOver()) await call();
      };
      await Promise.all(Array.from({ length: request.atATime }, one));
    } else {
      const calls: Promise<void>[] = [];
      for (let due = 0; !isOver(); await delay(TICK_MS)) {
        const now = (elapsed() / 1000) * request.perSecond;
        for (; due < now; due += 1) {
          if (outstanding < MOST_OUTSTANDING) calls.push(call());
          else withheld += 1;
        }
      }
      await Promise.all(calls);
    }
    return { seconds: request.seconds, accepted, shed, otherwise, withheld };
  },
  async () => close(),
);
