import { findCommit } from "../store/commit-mark.js";
import { cursorAt } from "../store/cursor-at.js";
import type { LogCursor } from "../store/log-cursor.js";
import type { LogHead } from "../store/log-head.js";
import type { ChangeFilter } from "../store/read-changes.js";
import { readCursor } from "../store/read-cursor.js";
import { FROM_START } from "./cursors.js";
import { changeFilter, withAncestors } from "./events.js";
import type { FeedHold } from "./hub.js";
import type { SubscriptionRequest } from "./subscription.js";
import type { SubscriptionContext } from "./subscription-context.js";

/** A subscriber's place in a log, of the history that the feed it holds is of. */
export interface JoinedLog extends FeedHold {
  /** Where the log ended. */
  readonly head: LogHead;
  /** Where the subscriber begins. */
  readonly from: LogCursor;
  readonly filter: ChangeFilter;
}

/**
 * Checks a subscriber's cursor, and holds the feed of its tenant.
 *
 * @throws LOG_DIVERGED, POSITION_IN_FUTURE, FOREIGN_CURSOR, INVALID_FIELD; the signal's reason when it aborts before the
 * database could be read
 */
export async function joinLog(
  { hub, database, durable }: SubscriptionContext,
  { tenantId, after, filter: asked, room, signal }: SubscriptionRequest,
): Promise<JoinedLog> {
  const checked = changeFilter(asked);
  const subscriber = { tenantId, connection: room.connection };
  for (;;) {
    // Before the snapshot is taken, so that it has this end, if the log is still the same.
    const known = hub.endOf(tenantId);
    const { from, filter, ...view } = await hub.inTurn(subscriber, signal, () =>
      database.read(tenantId, async (run) => {
        const [place, found, filter] = await Promise.all([
          readCursor(run, tenantId, after ?? FROM_START),
          known && findCommit(run, tenantId, known.mark.position),
          withAncestors(run, tenantId, checked, asked),
        ]);
        const head = place.check();
        const from = after
          ? { logId: head.logId, position: after.position, commit: place.commit }
          : await cursorAt(run, tenantId, head, head.position);
        return { from, filter, head, known, found };
      }),
    );
    // What the subscriber is told of where the log ends is as much a promise as an event is.
    await durable.confirm(tenantId, view.head, signal);
    const held = hub.hold(tenantId, view);
    if (held) return { ...held, head: view.head, from, filter };
  }
}
