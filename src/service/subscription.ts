import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import type { EventFilter } from "../../gen/holdfast/v1/event_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { Codecs } from "../entities/codecs.js";
import type { CommittedChange } from "../store/committed-change.js";
import type { Database } from "../store/database.js";
import { type LogHead, readLogHead, requirePosition } from "../store/log-head.js";
import { type ChangeFilter, type ChangePage, readChanges } from "../store/read-changes.js";
import { changeFilter, withAncestors } from "./events.js";
import type { Hub } from "./hub.js";
import type { TenantFeed } from "./tenant-feed.js";

export interface SubscriptionSettings {
  /** How long a subscriber hears nothing at most: then comes a checkpoint. */
  readonly checkpointIntervalMs: number;
  /** Changes in one message at most. */
  readonly maxPageChanges: number;
  /** Bytes of changes in one message at most, but for a single larger one. */
  readonly maxPageBytes: number;
  /** Positions a filtered read may pass over at once, so that no single query runs long. */
  readonly maxPagePositions: number;
}

export interface SubscriptionRequest {
  readonly tenantId: string;
  /** Undefined is from now. */
  readonly after: bigint | undefined;
  /** Empty when the caller does not say which log its position is of. */
  readonly logId: string;
  readonly filter: EventFilter | undefined;
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

export interface SubscriptionContext {
  readonly database: Database;
  readonly codecs: Codecs;
  readonly hub: Hub;
  readonly settings: SubscriptionSettings;
}

/**
 * Every matching change after a position, in order, without gap or duplicate.
 * One cursor moves forward: over the recent changes in memory where they reach
 * back to it, else over pages of the database. There is no hand-over between
 * the two that could lose or repeat anything, and a slow caller, who asks for
 * the next page late, costs nothing meanwhile.
 *
 * Ends when the signal aborts.
 *
 * @throws POSITION_IN_FUTURE, FOREIGN_CURSOR, INVALID_FIELD
 */
export async function* subscribe(
  context: SubscriptionContext,
  request: SubscriptionRequest,
): AsyncGenerator<SubscriptionPage, void> {
  const { tenantId, signal } = request;
  const asked = changeFilter(request.filter);
  const [head, filter] = await inTurn(context.hub, () =>
    context.database.read(tenantId, (run) =>
      Promise.all([readLogHead(run, tenantId), withAncestors(run, tenantId, asked, request.filter)]),
    ),
  );
  checkCursor(request, head);
  const { feed, release } = context.hub.hold(tenantId, head);
  try {
    const key = filterKey(filter);
    let position = request.after ?? head.position;
    let told: { position: bigint; caughtUp: boolean } | undefined;
    let lastTold = 0;
    while (!signal.aborted) {
      const recent = recentPage(context, feed, position, { filter, key });
      const page = recent ?? (await storedPage(context, feed, { tenantId, filter, key, signal }, position));
      position = page.through;
      const caughtUp = position >= feed.end && position >= head.position;
      const isDue = performance.now() - lastTold >= context.settings.checkpointIntervalMs;
      if (page.changes.length > 0 || told?.caughtUp !== caughtUp || isDue) {
        yield {
          changes: page.changes,
          position,
          caughtUp,
          logId: feed.logId,
          isShared: recent !== undefined || feed.followers > 1,
        };
        told = { position, caughtUp };
        lastTold = performance.now();
      }
      if (position >= feed.end) {
        const waited = performance.now() - lastTold;
        await feed.changed(position, Math.max(0, context.settings.checkpointIntervalMs - waited), signal);
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

/**
 * Bytes of a page from memory: what a slow subscriber holds here is of this
 * size, and there may be thousands.
 */
const MAX_RECENT_PAGE_BYTES = 64 * 1024;

/** Bytes of a page from the database: larger, since each costs a query, but for a crowd, which shares what is read. */
function storedPageBytes({ maxPageBytes }: SubscriptionSettings, { followers }: TenantFeed): number {
  return Math.max(Math.min(maxPageBytes, MAX_RECENT_PAGE_BYTES), Math.floor(maxPageBytes / followers));
}

/** Subscribers at one place who ask for the same get one page. */
function recentPage(
  { settings }: SubscriptionContext,
  feed: TenantFeed,
  position: bigint,
  { filter, key }: { readonly filter: ChangeFilter; readonly key: string },
): ChangePage | undefined {
  return feed.shared(`${position} ${key}`, () => {
    const recent = feed.after(position, settings.maxPageChanges);
    const maxBytes = Math.min(settings.maxPageBytes, MAX_RECENT_PAGE_BYTES);
    return recent && pageOf(recent, position, filter, maxBytes);
  });
}

function pageOf(
  recent: readonly CommittedChange[],
  position: bigint,
  filter: ChangeFilter,
  maxBytes: number,
): ChangePage {
  const changes: CommittedChange[] = [];
  let through = position;
  let bytes = 0;
  for (const change of recent) {
    if (changes.length > 0 && bytes + change.byteLength > maxBytes) break;
    through = change.position;
    if (!matches(change, filter)) continue;
    bytes += change.byteLength;
    changes.push(change);
  }
  return { changes, through };
}

async function storedPage(
  { database, codecs, hub, settings }: SubscriptionContext,
  feed: TenantFeed,
  { tenantId, filter, key, signal }: StoredRequest,
  after: bigint,
): Promise<ChangePage> {
  const furthest = after + BigInt(settings.maxPagePositions);
  const upTo = feed.end < furthest ? feed.end : furthest;
  const { maxPageChanges: maxChanges } = settings;
  const known = feed.stored.find(key, after);
  if (known) return known;
  return inTurn(hub, async () => {
    if (signal.aborted) return { changes: [], through: after };
    // Whoever had the turn before may have wanted the same.
    const read = feed.stored.find(key, after);
    if (read) return read;
    const maxBytes = storedPageBytes(settings, feed);
    const page = await database.read(tenantId, (run) =>
      readChanges(run, codecs, { tenantId, after, upTo, filter, maxChanges, maxBytes }),
    );
    // One who catches up alone leaves nothing behind for the garbage collector to carry along.
    if (feed.followers > 1) feed.stored.keep(key, after, page);
    return page;
  });
}

interface StoredRequest {
  readonly tenantId: string;
  readonly filter: ChangeFilter;
  readonly key: string;
  readonly signal: AbortSignal;
}

async function inTurn<T>({ turns }: Hub, read: () => Promise<T>): Promise<T> {
  await turns.acquire();
  try {
    return await read();
  } finally {
    turns.release();
  }
}

/** The same for filters that match the same. */
function filterKey({ sessionIds, agentIds, kinds, ancestors }: ChangeFilter): string {
  const ends = [...(ancestors ?? [])].map(([id, last]) => [id, String(last)]);
  return JSON.stringify([sessionIds, agentIds, kinds, ends]);
}

function matches(change: CommittedChange, { sessionIds, ancestors, agentIds, kinds }: ChangeFilter): boolean {
  return (
    (sessionIds.length === 0 ||
      sessionIds.includes(change.sessionId) ||
      change.position <= (ancestors?.get(change.sessionId) ?? 0n)) &&
    (agentIds.length === 0 || agentIds.includes(change.agentId)) &&
    (kinds.length === 0 || kinds.includes(change.kind))
  );
}
