import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { onTestFinished } from "vitest";
import {
  type EntrySchema,
  EventService,
  type ListEventsRequestSchema,
  type Event as LogEvent,
  type SubscribeRequestSchema,
  type SubscribeResponse,
} from "../../gen/holdfast/v1/event_pb.js";
import type { AppendResult } from "../../gen/holdfast/v1/log_pb.js";
import { type Session, type SessionSchema, SessionService } from "../../gen/holdfast/v1/session_pb.js";
import type { App } from "../../src/app.js";
import { type AnswerStream, RpcClient } from "./rpc-client.js";

export type EntryInit = MessageInitShape<typeof EntrySchema>;

/** A tenant that nobody else uses, and what tests do with one over and over. */
export interface Tenant {
  readonly id: string;
  readonly rpc: RpcClient;
  /** The same tenant through another server. */
  on(app: Pick<App, "grpc">): Tenant;
  open(session?: MessageInitShape<typeof SessionSchema>): Promise<Session>;
  append(...entries: EntryInit[]): Promise<AppendResult>;
  subscribe(request?: MessageInitShape<typeof SubscribeRequestSchema>): AnswerStream<SubscribeResponse>;
  /** Every event that a listing gives, over all its pages. */
  listAll(request?: MessageInitShape<typeof ListEventsRequestSchema>): Promise<LogEvent[]>;
}

/** Its connection is closed with the test. */
export function newTenant(app: Pick<App, "grpc">, id: string = randomUUID()): Tenant {
  const rpc = new RpcClient(app.grpc, { tenant: id });
  onTestFinished(() => rpc.close());
  return {
    id,
    rpc,
    on: (other) => newTenant(other, id),
    async open(session = {}) {
      const answer = await rpc.unary(SessionService.method.openSession, { session });
      return present(answer.session);
    },
    async append(...entries) {
      return present((await rpc.unary(EventService.method.append, { entries })).result);
    },
    subscribe: (request = {}) => rpc.serverStream(EventService.method.subscribe, request),
    async listAll(request = {}) {
      const events: LogEvent[] = [];
      let pageToken = "";
      do {
        const page = await rpc.unary(EventService.method.listEvents, {
          pageSize: 1000,
          ...request,
          pageToken,
        });
        events.push(...page.events);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      return events;
    },
  };
}

/** The value, which must be there. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("expected a value, got undefined");
  return value;
}

/** Reads a subscription up to a position, then cancels it. */
export async function readUpTo(
  answers: AnswerStream<SubscribeResponse>,
  position: bigint,
): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  for (;;) {
    const answer = present(await answers.next());
    events.push(...answer.events);
    if (present(answer.cursor).position >= position) break;
  }
  answers.cancel();
  return events;
}
