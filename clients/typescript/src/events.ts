import { type Entry, type Event, EventService } from "../../../gen/holdfast/v1/event_pb.js";
import type { CallOptions, ReadOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { minPositionOf } from "./call/min-position.js";
import { type Cursor, cursorFromMessage, cursorOfPosition } from "./follow/cursor.js";
import { lastCommonCursor } from "./follow/last-common-cursor.js";
import { HoldfastError } from "./holdfast-error.js";
import { allPages, type Page, type PageOptions } from "./pages.js";
import type { Saved } from "./recorder/recorded.js";
import { outcomesOf } from "./recorder/settle-batch.js";
import { Subscription } from "./subscription.js";
import { type EventSelection, filterOf, type SubscribeOptions } from "./subscription-options.js";
import type { FieldInput } from "./wire/input.js";

/** One thing to append: `{ case: "observation", value: { … } }`. */
export type EntryInput = Extract<FieldInput<Entry["entry"]>, { readonly case: string }>;

/** What became of one entry: where it is stored, or why it is not. */
export type EntryOutcome =
  | (Saved & { readonly error?: undefined })
  | { readonly id: string; readonly error: HoldfastError };

/** Which part of the log. */
export interface EventRange extends EventSelection {
  /** Events after this place; from the start unless given. */
  readonly after?: bigint | Cursor | undefined;
}

/** A page of the log. */
export interface EventListPage extends Page<Event> {
  /** Everything up to here that matches is in this page and those before it: where to go on later. */
  readonly cursor: Cursor;
  /** Where the log ended when the page was read. */
  readonly lastPosition: bigint;
}

/** The log of a tenant. Every method throws {@link HoldfastError}. */
export class Events {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Appends 1 to 500 entries and answers, once they are durable, what became of each, in order. Entries without
   * an id get one first, so that a retry is exact. To record steadily use a recorder.
   */
  async append(entries: readonly EntryInput[], options?: CallOptions): Promise<readonly EntryOutcome[]> {
    const named = entries.map((entry) => withId(entry, this.#caller.newId));
    const request = { entries: named.map(({ entry }) => ({ entry })) };
    const answer = await this.#caller.transport.unary(EventService.method.append, request, options);
    if (!answer.result) throw new HoldfastError("the server answered without a result", { code: "INTERNAL" });
    return outcomesOf(named, answer.result).map((outcome, index) =>
      outcome instanceof HoldfastError
        ? { id: (named[index] as { id: string }).id, error: outcome }
        : outcome,
    );
  }

  /** All events of a range, oldest first, up to the end of the log as it is then. */
  list(
    range: EventRange = {},
    options: PageOptions & ReadOptions = {},
  ): AsyncGenerator<Event, void, undefined> {
    return allPages(options.pageToken, (pageToken) => this.page(range, { ...options, pageToken }));
  }

  /** One page of those. */
  async page(range: EventRange = {}, options: PageOptions & ReadOptions = {}): Promise<EventListPage> {
    const { pageSize, pageToken } = options;
    const after = typeof range.after === "bigint" ? cursorOfPosition(range.after) : range.after;
    const request = { filter: filterOf(range), pageSize, pageToken, after, ...minPositionOf(options) };
    const answer = await this.#caller.transport.unary(EventService.method.listEvents, request, options);
    return {
      items: answer.events,
      nextPageToken: answer.nextPageToken || undefined,
      cursor: cursorFromMessage(answer.cursor),
      lastPosition: answer.lastPosition,
    };
  }

  /** Follows the log from a place on, for as long as it is iterated over. */
  subscribe(options: SubscribeOptions = {}): Subscription {
    return new Subscription(this.#caller.transport, options);
  }

  /**
   * Of cursors that were kept, the one furthest on whose history the log still has: where to go on from after
   * LOG_DIVERGED, once what was made of later events is undone. Undefined when it has none of them.
   */
  lastCommonCursor(cursors: Iterable<Cursor>, options?: CallOptions): Promise<Cursor | undefined> {
    return lastCommonCursor(this.#caller.transport, cursors, options);
  }
}

function withId(entry: EntryInput, newId: () => string): { readonly id: string; readonly entry: EntryInput } {
  if (entry.case === "startAction" || entry.case === "finishAction") {
    const id = entry.value.requestId || newId();
    return { id, entry: { ...entry, value: { ...entry.value, requestId: id } } as EntryInput };
  }
  const id = entry.value.id || newId();
  return { id, entry: { ...entry, value: { ...entry.value, id } } as EntryInput };
}
