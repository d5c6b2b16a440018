import type { Logger } from "pino";
import { FairSemaphore, type PermitOwner } from "../core/fair-semaphore.js";
import type { Codecs } from "../entities/codecs.js";
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

  /** @param head where the log ends, read from the database just now and found to be durable. */
  hold(tenantId: string, head: LogHead): FeedHold {
    const feed = this.#feeds.get(tenantId) ?? new TenantFeed(tenantId, head, this.#context);
    this.#feeds.set(tenantId, feed);
    feed.followers += 1;
    feed.hint(head.position);
    let held = true;
    return {
      feed,
      release: () => {
        if (!held) return;
        held = false;
        feed.followers -= 1;
        if (feed.followers === 0) this.#feeds.delete(tenantId);
      },
    };
  }

  /** What this server just committed. */
  committed(tenantId: string, { logId, changes }: Commit): void {
    this.#feeds.get(tenantId)?.committed(logId, changes());
  }

  /** Some server committed up to this position. */
  hint(tenantId: string, position: bigint): void {
    this.#feeds.get(tenantId)?.hint(position);
  }

  /** Subscribers that wait for their turn to read the database. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /** The tenants someone follows here. */
  get tenants(): readonly string[] {
    return [...this.#feeds.keys()];
  }
}
