import { errorText } from "../core/errors.js";
import type { CommittedChange } from "../store/committed-change.js";
import { type LogHead, readLogHead } from "../store/log-head.js";
import { readChanges } from "../store/read-changes.js";
import type { FeedContext } from "./hub.js";
import { RecentChanges } from "./recent-changes.js";

/** Changes read at once when another server's have to be fetched. */
const PULL_CHANGES = 500;
const PULL_BYTES = 4 * 1024 * 1024;

/** The end of one tenant's log, kept up to date while someone follows it. */
export class TenantFeed {
  readonly #tenantId: string;
  readonly #context: FeedContext;
  #logId: string;
  #recent: RecentChanges;
  /** The last position any server is known to have committed. */
  #hinted: bigint;
  #pulling = false;
  readonly #waiting = new Set<() => void>();

  constructor(tenantId: string, head: LogHead, context: FeedContext) {
    const { maxRecentChanges: maxChanges, maxRecentBytes: maxBytes } = context.settings;
    this.#tenantId = tenantId;
    this.#context = context;
    this.#logId = head.logId;
    this.#recent = new RecentChanges(head.position, { maxChanges, maxBytes });
    this.#hinted = head.position;
  }

  /** Empty while nothing was ever written. */
  get logId(): string {
    return this.#logId;
  }

  /** The last position that can be read here. */
  get end(): bigint {
    return this.#recent.end;
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
    const { database, codecs } = this.#context;
    const after = this.#recent.end;
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
    this.#logId = head.logId;
    this.#recent.add(page.changes);
    // A hint past the end is of another log, or of one that was rolled back.
    if (head.position < this.#hinted) this.#hinted = head.position;
    this.#wake();
  }

  #wake(): void {
    for (const resume of [...this.#waiting]) resume();
  }
}
