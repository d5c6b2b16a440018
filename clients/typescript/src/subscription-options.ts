import type { Event } from "../../../gen/holdfast/v1/event_pb.js";
import type { EntityKind } from "../../../gen/holdfast/v1/log_pb.js";
import type { Cursor } from "./follow/cursor.js";
import type { FollowOptions } from "./follow/follow-options.js";

/** Which events; every field given must match, within one any of its values. */
export interface EventSelection {
  readonly sessionIds?: readonly string[] | undefined;
  readonly agentIds?: readonly string[] | undefined;
  readonly kinds?: readonly EntityKind[] | undefined;
  /** Of a session among `sessionIds` that was forked, what came before as well. */
  readonly includeAncestors?: boolean | undefined;
}

/** What to follow, and from where. */
export interface SubscribeOptions extends EventSelection, FollowOptions {
  /**
   * Where to begin: "start", "now" (the default), or after a position. A cursor saved from
   * `subscription.cursor` is better than a bare position: it cannot be used on the wrong log, nor on one that lost part
   * of what was told (LOG_DIVERGED).
   */
  readonly after?: "start" | "now" | bigint | Cursor | undefined;
}

/** What the server sends at once: events, or none in a checkpoint. */
export interface EventPage {
  readonly events: readonly Event[];
  /** Everything up to here that matches has been delivered. It may be beyond the last event. */
  readonly cursor: Cursor;
  /** Whether what follows is live. */
  readonly caughtUp: boolean;
}

/** The EventFilter of a selection. */
export function filterOf(selection: EventSelection) {
  const { sessionIds, agentIds, kinds: entityKinds, includeAncestors } = selection;
  return { sessionIds, agentIds, entityKinds, includeAncestors };
}
