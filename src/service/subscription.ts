import type { EventFilter } from "../../gen/holdfast/v1/event_pb.js";
import type { AnswerRoom } from "../core/answer-room.js";
import type { CommittedChange } from "../store/committed-change.js";
import type { LogCursor } from "../store/log-cursor.js";
import { joinLog } from "./join-log.js";
import { PageReader } from "./page-reader.js";
import type { SubscriptionContext } from "./subscription-context.js";

export interface SubscriptionRequest {
  readonly tenantId: string;
  /** Undefined is from now. */
  readonly after: LogCursor | undefined;
  readonly filter: EventFilter | undefined;
  /** Room for pages that the subscriber has not read. */
  readonly room: AnswerRoom;
  readonly signal: AbortSignal;
}

/** A page of changes, or a checkpoint when there are none. */
export interface SubscriptionPage {
  readonly changes: readonly CommittedChange[];
  /** Everything up to here that matches has been given. */
  readonly cursor: LogCursor;
  readonly caughtUp: boolean;
  /** Whether other subscribers may be given the very same changes. */
  readonly isShared: boolean;
}

/**
 * Every matching change after a position, in order, without gap or duplicate, as `answerOf` gives it for each page.
 * One cursor moves forward: over the recent changes in memory where they reach
 * back to it, else over pages of the database. There is no hand-over between
 * the two that could lose or repeat anything. A slow caller asks for the next page late. Meanwhile nothing of
 * the last one is held here but what the caller was given.
 *
 * All of them are of one history. When the log turns out to have another one it ends with LOG_DIVERGED.
 *
 * Ends when the signal aborts.
 *
 * @throws LOG_DIVERGED, POSITION_IN_FUTURE, FOREIGN_CURSOR, INVALID_FIELD; the signal's reason when it aborts before the database
 * could be read
 */
export async function* subscribe<T>(
  context: SubscriptionContext,
  request: SubscriptionRequest,
  answerOf: (page: SubscriptionPage) => T,
): AsyncGenerator<T, void> {
  const { tenantId, room, signal } = request;
  const { checkpointIntervalMs } = context.settings;
  const { head, from, filter, feed, release } = await joinLog(context, request);
  try {
    const pages = new PageReader(context, feed, { tenantId, filter, room, signal });
    let { position, commit } = from;
    let told: { caughtUp: boolean } | undefined;
    let lastTold = 0;
    // A function of its own: what is paused at a `yield` holds all its variables, the page among them.
    const next = async (): Promise<T | undefined> => {
      const { changes, through, mark, isShared } = await pages.after(position);
      position = through;
      commit = mark ?? commit;
      const caughtUp = position >= feed.end && position >= head.position;
      const isDue = performance.now() - lastTold >= checkpointIntervalMs;
      if (changes.length === 0 && told?.caughtUp === caughtUp && !isDue) return undefined;
      told = { caughtUp };
      return answerOf({ changes, cursor: { logId: feed.logId, position, commit }, caughtUp, isShared });
    };
    while (!signal.aborted) {
      const answer = await next();
      if (answer !== undefined) {
        yield answer;
        lastTold = performance.now();
      }
      // The caller may have had nothing to send of the page.
      room.reserve(0);
      if (position >= feed.end) {
        const waited = performance.now() - lastTold;
        await feed.changed(position, Math.max(0, checkpointIntervalMs - waited), signal);
      }
    }
  } finally {
    release();
  }
}
