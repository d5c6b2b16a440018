import { EventService } from "../../../gen/holdfast/v1/event_pb.js";
import { cursorFromMessage, toCursor, wrongCursor } from "../../service/cursors.js";
import { createEncodedEvents } from "../../service/encoded-events.js";
import { eventFromChange } from "../../service/event-from-change.js";
import { changeFilter, type EventsContext, listEvents } from "../../service/events.js";
import { type SubscriptionPage, subscribe } from "../../service/subscription.js";
import type { SubscriptionContext } from "../../service/subscription-context.js";
import { EncodedMessage } from "../message-codec.js";
import { defineService, type RegisteredService, type ServiceHandlers } from "../service.js";
import { type AppendContext, appendBatch } from "./append-batch.js";
import { createAppendDecoder } from "./append-decoder.js";
import { type AppendStreamSettings, appendStream } from "./append-stream.js";

export interface EventServiceContext {
  readonly append: AppendContext;
  readonly stream: AppendStreamSettings;
  readonly events: EventsContext;
  readonly subscription: SubscriptionContext;
}

export function eventService(context: EventServiceContext): RegisteredService {
  const { codecs } = context.subscription;
  const encoded = createEncodedEvents(codecs);
  const decoder = createAppendDecoder(context.events.codecs, context.append.limits);
  // Their entries may be rows already, which the handlers below know.
  const decoders = { appendStream: decoder.stream, append: decoder.unary };
  const answerOf = (page: SubscriptionPage) => {
    const bytes = encoded.page(page);
    if (bytes) return new EncodedMessage(bytes);
    const { changes, cursor, caughtUp } = page;
    const events = changes.map((change) => eventFromChange(codecs, change));
    return { events, caughtUp, cursor: toCursor(cursor) };
  };
  const handlers: ServiceHandlers<typeof EventService> = {
    appendStream: (requests, call) => appendStream(context.append, context.stream, requests, call),

    append: async ({ entries }, { principal, signal }) => ({
      result: await appendBatch(context.append, principal.tenantId, entries, { signal }),
    }),

    async *subscribe(request, { principal, room, signal, draining, ending }) {
      changeFilter(request.filter, wrongCursor(request.after, "after"));
      const asked = {
        tenantId: principal.tenantId,
        after: request.after && cursorFromMessage(request.after),
        filter: request.filter,
        room,
        signal: ending,
      };
      yield* subscribe(context.subscription, asked, answerOf);
      // Ended by the server, not by the caller: UNAVAILABLE makes clients resume elsewhere.
      signal.throwIfAborted();
      draining.throwIfAborted();
    },

    listEvents: (request, call) => listEvents(context.events, call.principal.tenantId, request, call),
  };
  return defineService(EventService, handlers, { decoders });
}
