import { type Event, EventService, type SubscribeResponse } from "../../../gen/holdfast/v1/event_pb.js";
import type { Transport } from "./call/transport.js";
import { type Cursor, cursorOfPosition } from "./follow/cursor.js";
import { Follower } from "./follow/follower.js";
import { type EventPage, filterOf, type SubscribeOptions } from "./subscription-options.js";

/** Follows the log: every matching event after a position, in order, once. What its cursor is behind never comes again. */
export class Subscription extends Follower<Event, EventPage, SubscribeResponse> {
  constructor(transport: Transport, options: SubscribeOptions) {
    const stream = {
      method: EventService.method.subscribe,
      request: { filter: filterOf(options) },
      page: ({ events }: SubscribeResponse, place: Omit<EventPage, "events">) => ({ events, ...place }),
      items: ({ events }: EventPage) => events,
      positionOf: ({ position }: Event) => position,
    };
    super(transport, stream, placeOf(options.after ?? "now"), options);
  }
}

function placeOf(after: "start" | "now" | bigint | Cursor): Cursor | undefined {
  if (typeof after === "object") return after;
  if (after === "now") return undefined;
  return cursorOfPosition(after === "start" ? 0n : after);
}
