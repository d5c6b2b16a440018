import { errorText } from "../core/errors.js";
import { type CommitMark, isSameMark, readCommits } from "../store/commit-mark.js";
import type { CommittedChange } from "../store/committed-change.js";
import { type DivergedLog, logDiverged } from "../store/log-diverged.js";
import { type LogHead, readLogHead } from "../store/log-head.js";
import { readChanges } from "../store/read-changes.js";
import { locateDivergence } from "./feed-divergence.js";
import type { FeedContext } from "./hub.js";
import { type Added, RecentChanges } from "./recent-changes.js";
import { SharedPages } from "./shared-pages.js";
import { type MarkedPage, StoredPages } from "./stored-pages.js";
import type { Commit } from "./write-flush.js";

/** Positions read at once when another server's changes have to be fetched. */
const PULL_CHANGES = 1000;
const PULL_BYTES = 4 * 1024 * 1024;

/**
 * What telling one subscriber costs, about. The next round of telling begins
 * no sooner than a round takes, so that a crowd is told of several commits at
 * once and takes half of the server at most; fewer than twenty are told of each.
 */
const WAKE_COST_MS = 0.05;

/** Of the bytes kept of the end of a log, as many again for pages from before it, while several follow. */
const STORED_SHARE = 1 / 4;

/**
 * The end of one tenant's log, kept up to date while someone follows it. It is of one history: when the database has
 * another one, after a failover to a standby that lagged or with a restored backup, this one ends and gives nothing more.
 */
export class TenantFeed {
  readonly #tenantId: string;
  readonly #context: FeedContext;
  readonly #onDiverged: () => void;
  /** How many hold it. */
  followers = 0;
  /** Pages from before what is in memory. */
  readonly stored: StoredPages;
  #logId: string;
  readonly #recent: RecentChanges;
  #divergence: Promise<DivergedLog> | undefined;
  /** The last position any server is known to have committed. */
  #hinted: bigint;
  #pulling = false;
  readonly #waiting = new Set<() => void>();
  /** When the next may be woken, and whether that is due: see WAKE_COST_MS. */
  #wakeFrom = 0;
  #isWakeDue = false;
  readonly #pages = new SharedPages();

  /** @param onDiverged called once, when this one ends */
  constructor(tenantId: string, head: LogHead, context: FeedContext, onDiverged: () => void) {
    const { maxRecentChanges: maxChanges, maxRecentBytes: maxBytes } = context.settings;
    this.#tenantId = tenantId;
    this.#context = context;
    this.#onDiverged = onDiverged;
    this.#logId = head.logId;
    this.#recent = new RecentChanges(head, { maxChanges, maxBytes });
    this.stored = new StoredPages(maxBytes * STORED_SHARE);
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

  /** The commit that contains the end. */
  get mark(): CommitMark {
    return this.#recent.trail.last;
  }

  /** The commit that contains a position, if it is known here. */
  markAt(position: bigint): CommitMark | undefined {
    return this.#recent.trail.at(position);
  }

  /** Whether this history has a commit; undefined if that is not known here. */
  has(mark: CommitMark): boolean | undefined {
    return this.#recent.trail.has(mark);
  }

  /** Ends this feed: the database has another history. `found` is what it has instead of the end known here, if anything. */
  diverge(found: CommitMark | undefined): void {
    if (this.#divergence) return;
    const known = { tenantId: this.#tenantId, logId: this.#logId, commits: this.#recent.trail.marks };
    this.#divergence = locateDivergence(this.#context, known, found?.hash);
    this.#onDiverged();
    this.#wakeAll();
  }

  /** Whether it has ended. */
  get hasDiverged(): boolean {
    return this.#divergence !== undefined;
  }

  /** Resolves while this is the history of the log. @throws LOG_DIVERGED, for someone who was told all up to a position */
  async requireHistory(position: bigint): Promise<void> {
    if (this.#divergence) throw logDiverged(await this.#divergence, position);
  }

  /** What `make` gives, made once for all who ask by the same key before the log grows. */
  shared(key: string, make: () => MarkedPage | undefined): MarkedPage | undefined {
    return this.#pages.get(this.#recent.end, key, make);
  }

  /** What follows a position; undefined if it must be read from the database. */
  after(position: bigint, maxChanges: number): readonly CommittedChange[] | undefined {
    return this.#recent.after(position, maxChanges);
  }

  committed(commit: Commit): void {
    if (this.#divergence) return;
    const { logId, mark } = commit;
    this.#added(this.#isLog(logId) ? this.#recent.commit(commit) : "diverged", mark);
    if (this.#recent.end < mark.position) this.hint(mark.position);
  }

  /** What a poll found: where the log ends, and the hash of the commit that ends where `mark` does, null if none does. */
  polled(mark: CommitMark, position: bigint, hash: Uint8Array | null): void {
    const found = hash === null ? undefined : { position: mark.position, hash };
    if (mark.position > 0n && !isSameMark(found, mark)) this.diverge(found);
    else this.hint(position);
  }

  /** Says that the log reaches at least this far; what is missing is fetched. */
  hint(position: bigint): void {
    if (position > this.#hinted) this.#hinted = position;
    if (this.#hinted > this.#recent.end && !this.#pulling && !this.#divergence) void this.#pull();
  }

  /** Resolves when the log has moved past a position, the time is over, or the signal aborts. */
  async changed(position: bigint, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#recent.end > position || this.#divergence || signal.aborted) return;
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
      while (this.#hinted > this.#recent.end && !this.#divergence) await this.#pullPage();
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
    const { end: after, trail } = this.#recent;
    const { last } = trail;
    const hinted = this.#hinted;
    const { head, page, commits } = await database.read(this.#tenantId, async (run) => {
      const [head, commits] = await Promise.all([
        readLogHead(run, this.#tenantId),
        // That of the end known here, then at most one for each position.
        readCommits(run, this.#tenantId, last.position, PULL_CHANGES + 1),
      ]);
      const furthest = after + BigInt(PULL_CHANGES);
      const range = {
        tenantId: this.#tenantId,
        after,
        upTo: head.position < furthest ? head.position : furthest,
        filter: { sessionIds: [], agentIds: [], kinds: [] },
        maxChanges: PULL_CHANGES,
        maxBytes: PULL_BYTES,
      };
      return { head, commits, page: await readChanges(run, codecs, range) };
    });
    await durable.confirm(this.#tenantId, head);
    const isSame = last.position === 0n || isSameMark(commits[0], last);
    const upTo = commits.findIndex(({ position }) => position >= page.through);
    const added =
      isSame && this.#isLog(head.logId)
        ? this.#recent.add(page.changes, commits.slice(0, upTo + 1))
        : "diverged";
    this.#added(added, commits[0]);
    // A hint may be of a commit that was rolled back. One that came meanwhile may be of a commit that this read did not
    // see: it is read next.
    if (head.position < hinted && this.#hinted === hinted) this.#hinted = head.position;
  }

  /** @param found what the database has, should it be of another history */
  #added(added: Added, found: CommitMark | undefined): void {
    if (added === "diverged") this.diverge(found);
    else if (added === "added") this.#wake();
  }

  /** Whether a log is this one; the first commit gives it its name. */
  #isLog(logId: string): boolean {
    if (this.#logId === "") this.#logId = logId;
    return logId === this.#logId;
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
