import type { AnswerRoom } from "../core/answer-room.js";
import { findCommit, isSameMark } from "../store/commit-mark.js";
import type { CommittedChange } from "../store/committed-change.js";
import type { Run } from "../store/database.js";
import { type ChangeFilter, type ChangePage, type ChangeRange, readChanges } from "../store/read-changes.js";
import type { MarkedPage } from "./stored-pages.js";
import type { SubscriptionContext, SubscriptionSettings } from "./subscription-context.js";
import type { TenantFeed } from "./tenant-feed.js";

/**
 * Bytes of a page from memory, and the least of one from the database: what a slow subscriber holds is of this
 * size, and there may be thousands.
 */
const SMALL_PAGE_BYTES = 64 * 1024;
/** Pages from the database that the room of a tenant is left for: so they become smaller as it fills. */
const PAGES_IN_ROOM = 16;

export interface PageRequest {
  readonly tenantId: string;
  readonly filter: ChangeFilter;
  readonly room: AnswerRoom;
  readonly signal: AbortSignal;
}

/** Its mark is undefined when it holds nothing that was not known before. */
export interface ReadPage extends MarkedPage {
  /** Whether other subscribers may be given the very same changes. */
  readonly isShared: boolean;
}

/** Reads a log for one subscriber, a page at a time: from memory where that reaches back, else from the database. */
export class PageReader {
  readonly #context: SubscriptionContext;
  readonly #feed: TenantFeed;
  readonly #request: PageRequest;
  readonly #key: string;

  constructor(context: SubscriptionContext, feed: TenantFeed, request: PageRequest) {
    this.#context = context;
    this.#feed = feed;
    this.#request = request;
    this.#key = filterKey(request.filter);
  }

  /**
   * The page after a position, once there is room for it; that room is reserved. Empty at the end of the log, and when
   * the signal aborts while there is no room.
   *
   * @throws LOG_DIVERGED; the signal's reason when it aborts before the database could be read
   */
  async after(position: bigint): Promise<ReadPage> {
    const { room, signal } = this.#request;
    for (;;) {
      if (position < this.#feed.end && room.free === 0) await room.freed(signal);
      if (signal.aborted) return { changes: [], through: position, mark: undefined, isShared: false };
      if (this.#feed.hasDiverged) await this.#feed.requireHistory(position);
      // While this one waited others may have taken the room.
      if (position < this.#feed.end && room.free === 0) continue;
      const recent = this.#recent(position);
      const page = recent ?? (await this.#stored(position));
      if (!page) continue;
      // Before anything is waited for: others look at what is left.
      room.reserve(bytesOf(page));
      return { ...page, isShared: recent !== undefined || this.#feed.followers > 1 };
    }
  }

  /** Subscribers at one place who ask for the same get one page. */
  #recent(position: bigint): MarkedPage | undefined {
    const { maxPageChanges, maxPageBytes } = this.#context.settings;
    return this.#feed.shared(`${position} ${this.#key}`, () => {
      const recent = this.#feed.after(position, maxPageChanges);
      const maxBytes = Math.min(maxPageBytes, SMALL_PAGE_BYTES);
      const page = recent && pageOf(recent, position, this.#request.filter, maxBytes);
      return page && { ...page, mark: this.#feed.markAt(page.through) };
    });
  }

  /** Reserves the room for it before it waits. Undefined when there was none by the time it could be read. */
  async #stored(after: bigint): Promise<MarkedPage | undefined> {
    const { database, hub, settings } = this.#context;
    const { tenantId, filter, room, signal } = this.#request;
    const { stored, end } = this.#feed;
    const furthest = after + BigInt(settings.maxPagePositions);
    const upTo = end < furthest ? end : furthest;
    const known = stored.find(this.#key, after);
    if (known) {
      room.reserve(bytesOf(known));
      return known;
    }
    return hub.inTurn({ tenantId, connection: room.connection }, signal, async () => {
      if (signal.aborted || room.free === 0) return undefined;
      // Whoever had the turn before may have wanted the same.
      const read = stored.find(this.#key, after);
      const maxBytes = storedPageBytes(settings, this.#feed, room.free);
      room.reserve(read ? bytesOf(read) : maxBytes);
      if (read) return read;
      const range = { tenantId, after, upTo, filter, maxChanges: settings.maxPageChanges, maxBytes };
      const page = await database.read(tenantId, (run) => this.#readStored(run, range));
      if (!page) return undefined;
      // One who catches up alone leaves nothing behind for the garbage collector to carry along.
      if (this.#feed.followers > 1) stored.keep(this.#key, after, page);
      return page;
    });
  }

  /** The page and, in the same snapshot, whether the log still is the one that the feed has; if not, the feed ends. */
  async #readStored(run: Run, range: ChangeRange): Promise<MarkedPage | undefined> {
    const { mark: end } = this.#feed;
    const [page, found] = await Promise.all([
      readChanges(run, this.#context.codecs, range),
      findCommit(run, range.tenantId, end.position),
    ]);
    if (!isSameMark(found, end)) {
      this.#feed.diverge(found);
      return undefined;
    }
    const mark = this.#feed.markAt(page.through) ?? (await findCommit(run, range.tenantId, page.through));
    return { ...page, mark };
  }
}

/** Bytes of a page from the database: larger, since each costs a query, but for a crowd, which shares what is read. */
function storedPageBytes({ maxPageBytes }: SubscriptionSettings, { followers }: TenantFeed, free: number) {
  const most = Math.floor(Math.min(maxPageBytes / followers, free / PAGES_IN_ROOM));
  return Math.max(Math.min(maxPageBytes, SMALL_PAGE_BYTES), most);
}

function bytesOf({ changes }: ChangePage): number {
  return changes.reduce((sum, { byteLength }) => sum + byteLength, 0);
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
