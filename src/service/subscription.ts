import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import type { EventFilter } from "../../gen/holdfast/v1/event_pb.js";
import type { AnswerRoom } from "../core/answer-room.js";
import { HoldfastError } from "../core/errors.js";
import type { CommittedChange } from "../store/committed-change.js";
import { type LogHead, readLogHead, requirePosition } from "../store/log-head.js";
import { changeFilter, withAncestors } from "./events.js";
import { PageReader } from "./page-reader.js";
import type { SubscriptionContext } from "./subscription-context.js";

export interface SubscriptionRequest {
  readonly tenantId: string;
  /** Undefined is from now. */
  readonly after: bigint | undefined;
  /** Empty when the caller does not say which log its position is of. */
  readonly logId: string;
  readonly filter: EventFilter | undefined;
  /** Room for pages that the subscriber has not read. */
  readonly room: AnswerRoom;
  readonly signal: AbortSignal;
}

/** A page of changes, or a checkpoint when there are none. */
export interface SubscriptionPage {
  readonly changes: readonly CommittedChange[];
  readonly position: bigint;
  readonly caughtUp: boolean;
  readonly logId: string;
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
 * Ends when the signal aborts.
 *
 * @throws POSITION_IN_FUTURE, FOREIGN_CURSOR, INVALID_FIELD; the signal's reason when it aborts before the database
 * could be read
 */
export async function* subscribe<T>(
  context: SubscriptionContext,
  request: SubscriptionRequest,
  answerOf: (page: SubscriptionPage) => T,
): AsyncGenerator<T, void> {
  const { tenantId, room, signal } = request;
  const { checkpointIntervalMs } = context.settings;
  const asked = changeFilter(request.filter);
  const [head, filter] = await context.hub.inTurn({ tenantId, connection: room.connection }, signal, () =>
    context.database.read(tenantId, (run) =>
      Promise.all([readLogHead(run, tenantId), withAncestors(run, tenantId, asked, request.filter)]),
    ),
  );
  checkCursor(request, head);
  // What the subscriber is told of where the log ends is as much a promise as an event is.
  await context.durable.confirm(tenantId, head, signal);
  const { feed, release } = context.hub.hold(tenantId, head);
  try {
    const pages = new PageReader(context, feed, { tenantId, filter, room, signal });
    let position = request.after ?? head.position;
    let told: { position: bigint; caughtUp: boolean } | undefined;
    let lastTold = 0;
    // A function of its own: what is paused at a `yield` holds all its variables, the page among them.
    const next = async (): Promise<T | undefined> => {
      const { changes, through, isShared } = await pages.after(position);
      position = through;
      const caughtUp = position >= feed.end && position >= head.position;
      const isDue = performance.now() - lastTold >= checkpointIntervalMs;
      if (changes.length === 0 && told?.caughtUp === caughtUp && !isDue) return undefined;
      told = { position, caughtUp };
      return answerOf({ changes, position, caughtUp, logId: feed.logId, isShared });
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

function checkCursor({ after, logId }: SubscriptionRequest, head: LogHead): void {
  if (logId !== "" && logId !== head.logId) {
    throw new HoldfastError(
      ErrorReason.FOREIGN_CURSOR,
      `expected a position of log ${head.logId || "(empty)"}, got one of log ${logId}`,
      { metadata: { log_id: logId, current_log_id: head.logId } },
    );
  }
  if (after !== undefined) requirePosition(head, after);
}
