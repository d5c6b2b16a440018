// A process that appends for one tenant by unary calls: so many at a time, or so many a second whatever comes of them.
import { setTimeout as delay } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { AppendRequestSchema, EventService } from "../../gen/holdfast/v1/event_pb.js";
import { findDetail, statusDetails } from "../../src/rpc/testing/status-details.js";
import { RpcClient } from "../../test/support/rpc-client.js";
import { AGENT_ID, OBSERVATION_TYPE, payloads } from "../ingest/workload.js";
import { serveWorker } from "../support/worker.js";

export type CallerRequest = { readonly seconds: number } & (
  | { readonly atATime: number }
  | { readonly perSecond: number }
);

/** What came of the calls that ended within the time. */
export interface Calls {
  readonly seconds: number;
  /** Milliseconds of each call that was accepted. */
  readonly accepted: readonly number[];
  /** Milliseconds of each that was shed as it should be: RESOURCE_EXHAUSTED with RetryInfo. */
  readonly shed: readonly number[];
  /** Calls that ended otherwise, by what they ended with. */
  readonly otherwise: Readonly<Record<string, number>>;
  /** Calls that were due and not made, since `MOST_OUTSTANDING` were under way. */
  readonly withheld: number;
}

/** Calls under way at most: a generator that offers more than is served must not fill the machine's memory. */
const MOST_OUTSTANDING = 4000;
const TICK_MS = 2;
const DEADLINE_MS = 20_000;

const [address = "", tenant = "", sessionId = "", entries = "1"] = process.argv.slice(2);
const [host = "", port = ""] = address.split(":");
const rpc = new RpcClient({ host, port: Number(port) }, { tenant });
// Without ids: the server makes them, so the same bytes are other observations each time.
const requests = payloads(16).map((data) => {
  const value = { sessionId, agentId: AGENT_ID, type: OBSERVATION_TYPE };
  const payload = { data, contentType: "application/json" };
  const entry = { entry: { case: "observation" as const, value: { ...value, data: payload } } };
  return toBinary(
    AppendRequestSchema,
    create(AppendRequestSchema, { entries: Array.from({ length: Number(entries) }, () => entry) }),
  );
});

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
      const bytes = requests[made++ % requests.length] ?? new Uint8Array();
      const at = performance.now();
      outstanding += 1;
      const outcome = await rpc
        .unaryBytes(EventService.method.append, bytes, { deadline: Date.now() + DEADLINE_MS })
        .then(() => undefined, kindOf);
      outstanding -= 1;
      if (isOver()) return;
      if (outcome === undefined) accepted.push(performance.now() - at);
      else if (outcome === SHED) shed.push(performance.now() - at);
      else otherwise[outcome] = (otherwise[outcome] ?? 0) + 1;
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
  async () => rpc.close(),
);

const SHED = "shed";

function kindOf(error: unknown): string {
  const { code = -1 } = error as { code?: number };
  if (code !== status.RESOURCE_EXHAUSTED) return status[code] ?? "another error";
  const retry = findDetail(statusDetails(error as Parameters<typeof statusDetails>[0]), RetryInfoSchema);
  return retry ? SHED : "RESOURCE_EXHAUSTED without RetryInfo";
}
