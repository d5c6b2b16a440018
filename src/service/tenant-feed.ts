import { errorText } from "../core/errors.js";
import type { CommittedChange } from "../store/committed-change.js";
import { type LogHead, readLogHead } from "../store/log-head.js";
import { type ChangePage, readChanges } from "../store/read-changes.js";
import type { FeedContext } from "./hub.js";
import { RecentChanges } from "./recent-changes.js";
import { StoredPages } from "./stored-pages.js";

/** Changes read at once when another server's have to be fetched. */
const PULL_CHANGES = 500;
const PULL_BYTES = 4 * 1024 * 1024;

/**
 * What telling one subscriber costs, about. The next round of telling begins
 * no sooner than a round takes, so that a crowd is told of several commits at
 * once and takes half of the server at most; fewer than twenty are told of each.
 */
const WAKE_COST_MS = 0.05;

/** Pages kept for whoever asks for the same next; most ask at once and for few different ones. */
const MAX_SHARED_PAGES = 64;
/** Bytes of their changes; each page is kept encoded as well. */
const MAX_SHARED_BYTES = 4 * 1024 * 1024;

/** Of the bytes kept of the end of a log, as many again for pages from before it, while several follow. */
const STORED_SHARE = 1 / 4;

/** The end of one tenant's log, kept up to date while someone follows it. */
export class TenantFeed {
  readonly #tenantId: string;
  readonly #context: FeedContext;
  /** How many hold it. */
  followers = 0;
  /** Pages from before what is in memory. */
  readonly stored: StoredPages;
  #logId: string;
  #recent: RecentChanges;
  /** The last position any server is known to have committed. */
  #hinted: bigint;
  #pulling = false;
  readonly #waiting = new Set<() => void>();
  /** When the next may be woken, and whether that is due: see WAKE_COST_MS. */
  #wakeFrom = 0;
  #isWakeDue = false;
  /** Pages that subscribers share, of the log as it ends now. */
  readonly #pages = new Map<string, ChangePage>();
  #pagesEnd: bigint;
  #pagesBytes = 0;

  constructor(tenantId: string, head: LogHead, context: FeedContext) {
    const { maxRecentChanges: maxChanges, maxRecentBytes: maxBytes } = context.settings;
    this.#tenantId = tenantId;
    this.#context = context;
    this.#logId = head.logId;
    this.#recent = new RecentChanges(head.position, { maxChanges, maxBytes });
    this.stored = new StoredPages(maxBytes * STORED_SHARE);
    this.#hinted = head.position;
    this.#pagesEnd = head.position;
  }

  /** Empty while nothing was ever written. */
  get logId(): string {
    return this.#logId;
  }

  /** The last position that can be read here. */
  get end(): bigint {
    return this.#recent.end;
  }

  /** What `make` gives, made once for all who ask by the same key before the log grows. */
  shared(key: string, make: () => ChangePage | undefined): ChangePage | undefined {
    const isFull = this.#pages.size === MAX_SHARED_PAGES || this.#pagesBytes > MAX_SHARED_BYTES;
    if (this.#pagesEnd !== this.#recent.end || isFull) {
      this.#pages.clear();
      this.#pagesEnd = this.#recent.end;
      this.#pagesBytes = 0;
    }
    let page = this.#pages.get(key);
    if (page === undefined) {
      page = make();
      if (page) {
        this.#pages.set(key, page);
        this.#pagesBytes += page.changes.reduce((sum, { byteLength }) => sum + byteLength, 0);
      }
    }
    return page;
  }

  /** What follows a position; undefined if it must be read from the database. */
  after(position: bigint, maxChanges: number): readonly CommittedChange[] | undefined {
    return this.#recent.after(position, maxChanges);
  }

  committed(logId: string, changes: readonly CommittedChange[]): void {
    this.#logId = logId;
    const hasGap = this.#recent.add(changes);
    const last = changes.at(-1)?.position ?? 0n;
    if (hasGap) this.hint(last);
    else this.#wake();
  }

  /** Says that the log reaches at least this far; what is missing is fetched. */
  hint(position: bigint): void {
    if (position > this.#hinted) this.#hinted = position;
    if (this.#hinted > this.#recent.end && !this.#pulling) void this.#pull();
  }

  /** Resolves when the log has moved past a position, the time is over, or the signal aborts. */
  async changed(position: bigint, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#recent.end > position || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal.addEventListener("abort", done);
      this.#waiting.add(done);
    });
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      while (this.#hinted > this.#recent.end) await this.#pullPage();
    } catch (error) {
      // The next hint or poll tries again; until then subscribers wait.
      this.#context.logger.warn({ reason: errorText(error) }, "the feed could not read the log");
      this.#hinted = this.#recent.end;
    } finally {
      this.#pulling = false;
    }
  }

  async #pullPage(): Promise<void> {
    const { database, codecs, durable } = this.#context;
    const after = this.#recent.end;
    const hinted = this.#hinted;
    const { head, page } = await database.read(this.#tenantId, async (run) => {
      const head = await readLogHead(run, this.#tenantId);
      const range = {
        tenantId: this.#tenantId,
        after,
        upTo: head.position,
        filter: { sessionIds: [], agentIds: [], kinds: [] },
        maxChanges: PULL_CHANGES,
        maxBytes: PULL_BYTES,
      };
      return { head, page: await readChanges(run, codecs, range) };
    });
    await durable.confirm(this.#tenantId, head);
    this.#logId = head.logId;
    this.#recent.add(page.changes);
    // A hint past the end is of another log, or of one that was rolled back. One that came meanwhile may be of a commit
    // that this read did not see: it is read next.
    if (head.position < hinted && this.#hinted === hinted) this.#hinted = head.position;
    this.#wake();
  }

  #wake(): void {
    if (this.#isWakeDue) return;
    const restMs = this.#wakeFrom - performance.now();
    if (restMs < 1) {
      this.#wakeAll();
      return;
    }
    this.#isWakeDue = true;
    setTimeout(() => {
      this.#isWakeDue = false;
      this.#wakeAll();
    }, restMs);
  }

  #wakeAll(): void {
    this.stored.expire();
    this.#wakeFrom = performance.now() + this.#waiting.size * WAKE_COST_MS;
    for (const resume of [...this.#waiting]) resume();
  }
}
