import type { Logger } from "pino";
import { FairSemaphore, type PermitOwner } from "../core/fair-semaphore.js";
import type { Codecs } from "../entities/codecs.js";
import { type CommitMark, isSameMark } from "../store/commit-mark.js";
import type { Database } from "../store/database.js";
import type { LogHead } from "../store/log-head.js";
import type { DurableLog } from "./durable-log.js";
import { TenantFeed } from "./tenant-feed.js";
import type { Commit } from "./write-flush.js";

/** Of the connections of this server, what subscribers may use at once. */
const SUBSCRIBERS_SHARE = 1 / 4;

export interface HubSettings {
  /** Recent changes of a followed tenant kept in memory: a subscriber further behind reads the database. */
  readonly maxRecentChanges: number;
  /** Bytes of those. */
  readonly maxRecentBytes: number;
  /** Connections this server holds at most; reading for subscribers takes a share. */
  readonly databaseConnections: number;
}

export interface FeedContext {
  readonly database: Database;
  readonly codecs: Codecs;
  /** How far each log is durable: no subscriber is given more. */
  readonly durable: DurableLog;
  readonly logger: Logger;
  readonly settings: HubSettings;
}

/** A subscriber's hold on a tenant's feed; the feed lives while someone holds it. */
export interface FeedHold {
  readonly feed: TenantFeed;
  release(): void;
}

/** The end of a feed, as it was at some moment. */
export interface FeedEnd {
  readonly feed: TenantFeed;
  /** The last commit it knew; the start of the log if it knew none. */
  readonly mark: CommitMark;
}

/** What a subscriber read of a log, in one snapshot. */
export interface LogView {
  readonly head: LogHead;
  /** The end that a feed had before the snapshot was taken; undefined when there was none. */
  readonly known: FeedEnd | undefined;
  /** The commit that the log has where that one ended. */
  readonly found: CommitMark | undefined;
}

/**
 * Where subscribers of this server meet what is committed, by this server or
 * another. It keeps the end of each followed tenant's log in memory; subscribers
 * read it at their own pace and go to the database when they are further behind.
 * Nothing is queued for anyone.
 */
export class Hub {
  readonly #feeds = new Map<string, TenantFeed>();
  readonly #context: FeedContext;
  /**
   * Turns of subscribers to read the database: a crowd of them, new or behind, must leave connections to writers. Tenants
   * take turns, and so do connections of one, so that a crowd does not keep others waiting.
   */
  readonly #turns: FairSemaphore;
  #divergedLogs = 0;

  constructor(context: FeedContext) {
    this.#context = context;
    this.#turns = new FairSemaphore(
      Math.max(1, Math.floor(context.settings.databaseConnections * SUBSCRIBERS_SHARE)),
    );
  }

  /** Reads the database for a subscriber when it is its turn. @throws the signal's reason when it aborts before that */
  async inTurn<T>(subscriber: PermitOwner, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    await this.#turns.acquire(subscriber, signal);
    try {
      return await read();
    } finally {
      this.#turns.release();
    }
  }

  /** The end of the feed of a tenant, to be compared with the database; undefined when nobody follows it. */
  endOf(tenantId: string): FeedEnd | undefined {
    const feed = this.#feeds.get(tenantId);
    return feed && { feed, mark: feed.mark };
  }

  /**
   * Holds the feed of a tenant, which is of the history that the subscriber has read. A feed of another one ends.
   *
   * @param view its `head` was found to be durable
   * @returns undefined when another subscriber began a feed meanwhile whose history is not known to be the same: then
   * the log has to be read again
   */
  hold(tenantId: string, { head, known, found }: LogView): FeedHold | undefined {
    if (known && known.mark.position > 0n && !isSameMark(found, known.mark)) known.feed.diverge(found);
    const feed = this.#feeds.get(tenantId) ?? this.#begin(tenantId, head);
    if (feed !== known?.feed && feed.has(head) !== true) return undefined;
    feed.followers += 1;
    feed.hint(head.position);
    let held = true;
    return {
      feed,
      release: () => {
        if (!held) return;
        held = false;
        feed.followers -= 1;
        if (feed.followers === 0) this.#end(tenantId, feed);
      },
    };
  }

  #begin(tenantId: string, head: LogHead): TenantFeed {
    const feed = new TenantFeed(tenantId, head, this.#context, () => {
      this.#divergedLogs += 1;
      this.#end(tenantId, feed);
    });
    this.#feeds.set(tenantId, feed);
    return feed;
  }

  #end(tenantId: string, feed: TenantFeed): void {
    if (this.#feeds.get(tenantId) === feed) this.#feeds.delete(tenantId);
  }

  /** What this server just committed. */
  committed(tenantId: string, commit: Commit): void {
    this.#feeds.get(tenantId)?.committed(commit);
  }

  /** Some server committed up to this position. */
  hint(tenantId: string, position: bigint): void {
    this.#feeds.get(tenantId)?.hint(position);
  }

  /** Subscribers that wait for their turn to read the database. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /** Times that the database had another history of a log than subscribers of this server had been told. */
  get divergedLogs(): number {
    return this.#divergedLogs;
  }

  /** The ends of the logs that someone follows here. */
  get ends(): readonly (FeedEnd & { readonly tenantId: string })[] {
    return [...this.#feeds].map(([tenantId, feed]) => ({ tenantId, feed, mark: feed.mark }));
  }
}
