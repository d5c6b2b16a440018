import { CommitBarrier, type OnBarrier } from "../store/commit-barrier.js";
import type { DatabaseSettings } from "../store/database.js";
import type { LogHead } from "../store/log-head.js";
import type { Primary } from "../store/primary.js";
import { databaseUnavailable } from "../store/sqlstate.js";

/** Logs of which is kept how far they are durable; of a log that was forgotten it costs one barrier to know again. */
const MAX_LOGS = 10_000;

export type DurableLogSettings = Pick<DatabaseSettings, "connectTimeoutMs" | "statementTimeoutMs">;

/** What was read of a log: how far, and from which primary. */
export type ReadOfLog = Pick<LogHead, "position" | "syncTimeline">;

/**
 * Knows how far each log is durable as configured. With a synchronous standby, what a read shows may be committed on the
 * primary alone, and be lost when the standby takes over: the wait of its COMMIT was cancelled, or Postgres was started again
 * in the middle of it. A commit of this server that waited to its end proves everything before it. For what others
 * committed, a commit barrier proves it.
 */
export class DurableLog {
  readonly #barrier: CommitBarrier;
  /** The last position known to be durable, by tenant; the tenant that was used last is the last. */
  readonly #positions = new Map<string, bigint>();
  readonly #stop: () => void;
  #waiting = 0;

  /** With a barrier whose connection counts as lost after as long as that of any statement. */
  static open(
    primary: Primary,
    { connectTimeoutMs, statementTimeoutMs }: DurableLogSettings,
    onBarrier?: OnBarrier,
  ): DurableLog {
    const settings = {
      connectTimeoutMs,
      silenceMs: statementTimeoutMs,
      ...(onBarrier && { onEnd: onBarrier }),
    };
    return new DurableLog(primary, new CommitBarrier(primary, settings));
  }

  private constructor(primary: Primary, barrier: CommitBarrier) {
    this.#barrier = barrier;
    // The new primary may have another history.
    this.#stop = primary.onMoved(() => this.#positions.clear());
  }

  /** Callers that wait for a barrier. */
  get waiting(): number {
    return this.#waiting;
  }

  /** A COMMIT of this server, at this position, waited as long as it was meant to. */
  committed(tenantId: string, position: bigint): void {
    const known = this.#positions.get(tenantId) ?? 0n;
    this.#positions.delete(tenantId);
    this.#positions.set(tenantId, position > known ? position : known);
    if (this.#positions.size <= MAX_LOGS) return;
    for (const [longestUnused] of this.#positions) {
      this.#positions.delete(longestUnused);
      break;
    }
  }

  /**
   * Resolves when what the caller has read is durable: at once where no COMMIT waits for a standby, or it is known.
   *
   * @throws DATABASE_UNAVAILABLE when that could not be found out; the signal's reason when it aborts before.
   */
  async confirm(tenantId: string, read: ReadOfLog, signal?: AbortSignal): Promise<void> {
    const { position, syncTimeline } = read;
    if (syncTimeline === "" || position <= (this.#positions.get(tenantId) ?? 0n)) return;
    signal?.throwIfAborted();
    this.#waiting += 1;
    try {
      const timeline = await unlessAborted(this.#barrier.pass(), signal);
      if (timeline !== syncTimeline) throw databaseUnavailable();
      this.committed(tenantId, position);
    } finally {
      this.#waiting -= 1;
    }
  }

  close(): void {
    this.#stop();
    this.#barrier.close();
  }
}

/** @throws the signal's reason when it aborts first; the promise goes on for others. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
