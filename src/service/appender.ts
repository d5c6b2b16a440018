import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { errorText, HoldfastError } from "../core/errors.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { CommittedChange } from "../store/committed-change.js";
import type { Database } from "../store/database.js";
import { databaseUnavailable } from "../store/sqlstate.js";
import type { RulesByEntity } from "./entity-rules.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";
import { type WrittenFlush, writeFlush } from "./write-flush.js";

export interface AppenderSettings {
  /** Entries a flush takes at most: more makes waiting longer without making Postgres faster. */
  readonly maxFlushEntries: number;
  /** Bytes of entries a flush takes at most, so that one statement stays small. */
  readonly maxFlushBytes: number;
  /** Entries of one tenant that may wait; past it appending is refused as OVERLOADED. */
  readonly maxWaitingEntries: number;
  /** Bytes of one tenant's entries that may wait. */
  readonly maxWaitingBytes: number;
}

/** Told of every flush after it is durable, in order of position within a tenant. */
export type CommitListener = (tenantId: string, logId: string, changes: readonly CommittedChange[]) => void;

/**
 * The group commit. Each tenant has one queue; while a flush of it is in
 * flight, what arrives waits and makes up the next one. So a lone entry is
 * written at once, and under load many share one commit, without timers.
 */
export class Appender {
  readonly #queues = new Map<string, TenantQueue>();
  readonly #context: FlushContext;
  readonly #settings: AppenderSettings;

  constructor(context: FlushContext, settings: AppenderSettings) {
    this.#context = context;
    this.#settings = settings;
  }

  /**
   * Appends entries of one tenant, in order, in one flush.
   *
   * @param admitted whether the caller has waited for `room`: then a full queue does not refuse, since several may
   * have been let in at once, each with one batch.
   * @returns what became of each, once durable.
   * @throws OVERLOADED before anything is stored; DATABASE_UNAVAILABLE when the outcome is not known.
   */
  append(
    tenantId: string,
    entries: readonly PreparedEntry[],
    admitted = false,
  ): Promise<readonly EntryOutcome[]> {
    if (entries.length === 0) return Promise.resolve([]);
    // Behind a flush that hangs they would wait for its timeout; refused at once, callers can turn elsewhere.
    if (this.#context.takesWrites?.() === false) return Promise.reject(databaseUnavailable());
    let queue = this.#queues.get(tenantId);
    if (!queue) {
      queue = new TenantQueue(tenantId, this.#context, this.#settings, () => this.#queues.delete(tenantId));
      this.#queues.set(tenantId, queue);
    }
    return queue.add(entries, admitted);
  }

  /**
   * Resolves when this tenant's entries may be appended without being refused as
   * OVERLOADED, or the signal aborts: for callers that would rather be slowed.
   */
  async room(tenantId: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const queue = this.#queues.get(tenantId);
      if (!queue || queue.hasRoom) return;
      await queue.flushed();
    }
  }

  /** Resolves when nothing waits or is in flight. */
  async idle(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all([...this.#queues.values()].map((queue) => queue.idle()));
  }
}

export interface FlushContext {
  readonly database: Database;
  readonly sessionCodec: EntityCodec;
  readonly rules: RulesByEntity;
  readonly onCommit: CommitListener;
  readonly logger: Logger;
  /** Whether the database is known to take none at this moment, when it is asked about; without it, it always may. */
  readonly takesWrites?: () => boolean;
  /** Told how long each batch took from being given to being durable. */
  readonly onDurable?: (seconds: number) => void;
}

interface WaitingBatch {
  /** When it was given, in milliseconds of `performance.now`. */
  readonly since: number;
  readonly entries: readonly PreparedEntry[];
  readonly byteLength: number;
  readonly resolve: (outcomes: readonly EntryOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

class TenantQueue {
  readonly #tenantId: string;
  readonly #context: FlushContext;
  readonly #settings: AppenderSettings;
  readonly #onIdle: () => void;
  #waiting: WaitingBatch[] = [];
  #waitingEntries = 0;
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #inFlight: Promise<void> = Promise.resolve();
  /** Whether the last flush met entries stored before: a client is resending, so the next will too. */
  #resending = false;

  constructor(tenantId: string, context: FlushContext, settings: AppenderSettings, onIdle: () => void) {
    this.#tenantId = tenantId;
    this.#context = context;
    this.#settings = settings;
    this.#onIdle = onIdle;
  }

  add(entries: readonly PreparedEntry[], admitted: boolean): Promise<readonly EntryOutcome[]> {
    const byteLength = entries.reduce((sum, entry) => sum + entry.byteLength, 0);
    if (!admitted) this.#refuseOverload(entries.length, byteLength);
    this.#waitingEntries += entries.length;
    this.#waitingBytes += byteLength;
    const outcome = new Promise<readonly EntryOutcome[]>((resolve, reject) => {
      this.#waiting.push({ since: performance.now(), entries, byteLength, resolve, reject });
    });
    this.#running ??= this.#run();
    return outcome;
  }

  idle(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  get hasRoom(): boolean {
    const { maxWaitingEntries, maxWaitingBytes } = this.#settings;
    return this.#waitingEntries < maxWaitingEntries && this.#waitingBytes < maxWaitingBytes;
  }

  /** Resolves when the flush in flight is over. */
  flushed(): Promise<void> {
    return this.#inFlight;
  }

  #refuseOverload(count: number, byteLength: number): void {
    const { maxWaitingEntries, maxWaitingBytes } = this.#settings;
    // An empty queue takes any batch: no batch is too large to be ever taken.
    if (this.#waitingEntries === 0) return;
    if (
      this.#waitingEntries + count <= maxWaitingEntries &&
      this.#waitingBytes + byteLength <= maxWaitingBytes
    ) {
      return;
    }
    throw new HoldfastError(
      ErrorReason.OVERLOADED,
      `${this.#waitingEntries} entries of this tenant wait to be stored, at most ${maxWaitingEntries} may`,
      { retryAfterMs: OVERLOAD_RETRY_MS },
    );
  }

  async #run(): Promise<void> {
    // Let what arrives in this turn of the event loop join the first flush.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      this.#inFlight = this.#flush(this.#take());
      await this.#inFlight;
    }
    this.#running = undefined;
    this.#onIdle();
  }

  /** Whole batches, in order, up to the limits of a flush; at least one. */
  #take(): WaitingBatch[] {
    const { maxFlushEntries, maxFlushBytes } = this.#settings;
    let count = 0;
    let entries = 0;
    let bytes = 0;
    for (const batch of this.#waiting) {
      if (
        count > 0 &&
        (entries + batch.entries.length > maxFlushEntries || bytes + batch.byteLength > maxFlushBytes)
      ) {
        break;
      }
      count += 1;
      entries += batch.entries.length;
      bytes += batch.byteLength;
    }
    this.#waitingEntries -= entries;
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  async #flush(batches: readonly WaitingBatch[]): Promise<void> {
    const entries =
      batches.length === 1 && batches[0] ? batches[0].entries : batches.flatMap((b) => b.entries);
    try {
      const written = await this.#writeIsolating(entries);
      this.#resending = written.outcomes.some((outcome) => !(outcome instanceof Error) && outcome.duplicate);
      let from = 0;
      for (const batch of batches) {
        batch.resolve(written.outcomes.slice(from, from + batch.entries.length));
        from += batch.entries.length;
        this.#context.onDurable?.((performance.now() - batch.since) / 1000);
      }
      if (written.changes.length > 0) {
        this.#context.onCommit(this.#tenantId, written.logId, written.changes);
      }
    } catch (error) {
      for (const batch of batches) batch.reject(error);
      // Whoever sent these sends them again. What waits behind them goes the
      // same way, or it would stand before them in the log.
      if (isUnavailable(error)) for (const batch of this.#takeAll()) batch.reject(error);
    }
  }

  #takeAll(): WaitingBatch[] {
    this.#waitingEntries = 0;
    this.#waitingBytes = 0;
    return this.#waiting.splice(0);
  }

  /**
   * An entry that the database cannot take, by a defect of ours, must not cost
   * the others: halves are tried by themselves until it is alone.
   */
  async #writeIsolating(entries: readonly PreparedEntry[]): Promise<WrittenFlush> {
    try {
      return await this.#writeUntilKnown(entries);
    } catch (thrown) {
      const error = HoldfastError.from(thrown);
      if (error.reason !== ErrorReason.INTERNAL) throw error;
      if (entries.length === 1) {
        this.#context.logger.error({ reason: errorText(error.cause) }, "an entry could not be stored");
        return { outcomes: [error], changes: [], logId: "" };
      }
      const middle = Math.ceil(entries.length / 2);
      const first = await this.#writeIsolating(entries.slice(0, middle));
      const second = await this.#writeIsolating(entries.slice(middle));
      return {
        outcomes: [...first.outcomes, ...second.outcomes],
        changes: [...first.changes, ...second.changes],
        logId: second.logId || first.logId,
      };
    }
  }

  /**
   * When the connection is lost the flush may or may not have been stored. Ids
   * make trying again exact, so that is settled here where it can be.
   */
  async #writeUntilKnown(entries: readonly PreparedEntry[]): Promise<WrittenFlush> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const checkFirst = this.#resending || attempt > 0;
        return await writeFlush(this.#context, this.#tenantId, entries, checkFirst);
      } catch (error) {
        const pause = LOST_CONNECTION_PAUSES_MS[attempt];
        if (!isUnavailable(error) || pause === undefined) throw error;
        this.#context.logger.warn(
          { reason: errorText(error.cause), attempt },
          "a flush lost its connection and is tried again",
        );
        await delay(pause);
      }
    }
  }
}

function isUnavailable(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.reason === ErrorReason.DATABASE_UNAVAILABLE;
}

/** Long enough for a lost connection or a failover to a warm standby, short enough for callers' deadlines. */
const LOST_CONNECTION_PAUSES_MS = [0, 100, 400, 1000];
/** A flush takes some milliseconds; by then a full queue has moved on. */
const OVERLOAD_RETRY_MS = 100;
