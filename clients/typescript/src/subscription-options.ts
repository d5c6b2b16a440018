import type { EntityKind, Event } from "../../../gen/holdfast/v1/event_pb.js";
import type { CallOptions } from "./call/call-options.js";
import type { HoldfastError } from "./holdfast-error.js";

/** A place in a log: everything up to and including `position` is behind it. */
export interface Cursor {
  readonly position: bigint;
  /** Which log. With it the server refuses a position of another tenant or database. */
  readonly logId: string;
}

/** Which events; every field given must match, within one any of its values. */
export interface EventSelection {
  readonly sessionIds?: readonly string[] | undefined;
  readonly agentIds?: readonly string[] | undefined;
  readonly kinds?: readonly EntityKind[] | undefined;
}

/** What to follow, and from where. */
export interface SubscribeOptions extends EventSelection, Omit<CallOptions, "deadlineMs"> {
  /**
   * Where to begin: "start", "now" (the default), or after a position. A cursor saved from
   * `subscription.cursor` is better than a bare position: it cannot be used on the wrong log.
   */
  readonly after?: "start" | "now" | bigint | Cursor | undefined;
  /** Told when the stream is interrupted, and when the next attempt is. For logs. */
  readonly onInterrupted?: ((error: HoldfastError, delayMs: number) => void) | undefined;
}

/** What the server sends at once: events, or none in a checkpoint. */
export interface EventPage {
  readonly events: readonly Event[];
  /** Everything up to here that matches has been delivered. It may be beyond the last event. */
  readonly cursor: Cursor;
  /** Whether what follows is live. */
  readonly caughtUp: boolean;
}
