import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { uuidV7 } from "../core/uuid.js";
import type { Lane } from "../store/database.js";
import type { AppenderContext, AppenderSettings, AppendOptions } from "./appender.js";
import { Flight, type FlightContext, type WaitingBatch } from "./flight.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";

/** How many flushes may be under way: one that Postgres writes, and one that is there when it is done. */
const MAX_FLIGHTS = 2;
/**
 * Entries that are worth a flush of their own while another is under way. Every
 * flush costs a commit: fewer entries do better to wait and share one.
 */
const MIN_OVERLAPPING_ENTRIES = 100;
/**
 * How long no flush is sent ahead after one was turned away for nothing, in
 * milliseconds: something between passes statements of one connection to
 * several sessions, and each vain attempt costs a second one.
 */
const VAIN_PAUSE_MS = 10_000;
/** A flush takes some milliseconds; by then a full queue has moved on. */
const OVERLOAD_RETRY_MS = 100;

/**
 * The entries of one tenant on their way into its log, in the order they came.
 *
 * Flushes that only append rows need not wait for each other: while one is at
 * the database the next is made and sent behind it on the same connection, so
 * that neither side idles. What must not happen, the second being stored without
 * the first, the database itself refuses (see `Turn`); then, as with any flush
 * that needs to read before it writes, those ahead are settled first. Answers are given
 * and commits told in order of position always.
 */
export class TenantQueue {
  readonly #tenantId: string;
  readonly #context: AppenderContext;
  readonly #settings: AppenderSettings;
  readonly #onIdle: () => void;
  readonly #lane: Lane;
  readonly #flightContext: FlightContext;
  /** Begins the name of every turn; nobody else's begins so. */
  readonly #prefix = uuidV7();
  #turns = 0;
  #waiting: WaitingBatch[] = [];
  #waitingEntries = 0;
  #waitingBytes = 0;
  #flights: Flight[] = [];
  #isWoken = false;
  /** Whether the last flush met entries stored before: a client is resending, so the next will too. */
  #isResending = false;
  #overlapsFrom = 0;
  #whenIdle: (() => void)[] = [];

  constructor(tenantId: string, context: AppenderContext, settings: AppenderSettings, onIdle: () => void) {
    this.#tenantId = tenantId;
    this.#settings = settings;
    this.#onIdle = onIdle;
    this.#lane = context.database.lane();
    this.#context = context;
    const { maxFlushBytes } = settings;
    const yieldConnection = () => this.#yieldConnection();
    this.#flightContext = { ...context, maxFlushBytes, database: this.#lane, yieldConnection };
  }

  /** Rejects with the signal's reason if it aborts before a flush takes the entries. */
  add(entries: readonly PreparedEntry[], options: AppendOptions): Promise<readonly EntryOutcome[]> {
    const { isAdmitted = false, isDivisible = false, signal } = options;
    let byteLength = 0;
    let appendsOnly = true;
    for (const entry of entries) {
      byteLength += entry.byteLength;
      appendsOnly &&= entry.verb === "append";
    }
    if (!isAdmitted) this.#refuseOverload(entries.length, byteLength);
    this.#waitingEntries += entries.length;
    this.#waitingBytes += byteLength;
    const outcome = new Promise<readonly EntryOutcome[]>((resolve, reject) => {
      const since = performance.now();
      this.#waiting.push({ since, entries, byteLength, appendsOnly, isDivisible, signal, resolve, reject });
    });
    this.#wake();
    return outcome;
  }

  /** Resolves when nothing waits or is in flight. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#wake();
    });
  }

  get hasRoom(): boolean {
    const { maxWaitingEntries, maxWaitingBytes } = this.#settings;
    return this.#waitingEntries < maxWaitingEntries && this.#waitingBytes < maxWaitingBytes;
  }

  /** Resolves when the first of the flushes in flight is over. */
  async flushed(): Promise<void> {
    await this.#flights[0]?.settled;
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

  // What arrives in this turn of the event loop joins the flush.
  #wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    queueMicrotask(() => {
      this.#isWoken = false;
      this.#proceed();
    });
  }

  #proceed(): void {
    while (this.#waiting.length > 0 && this.#mayBegin()) this.#begin();
    if (this.#flights.length > 0) return;
    this.#lane.release();
    for (const resolve of this.#whenIdle.splice(0)) resolve();
    this.#onIdle();
  }

  #mayBegin(): boolean {
    const { database } = this.#context;
    const last = this.#flights.at(-1);
    if (!last) {
      this.#yieldConnection();
      return true;
    }
    return (
      last.isAhead &&
      this.#flights.length < MAX_FLIGHTS &&
      this.#waitingEntries >= MIN_OVERLAPPING_ENTRIES &&
      this.#canBeAhead(this.#waiting.slice(0, this.#nextCount())) &&
      database.connections.waiting === 0
    );
  }

  /** Whoever waits for a connection is served before the next transaction. Only while nothing runs on the lane. */
  #yieldConnection(): void {
    if (this.#context.database.connections.waiting > 0) this.#lane.release();
  }

  #begin(): void {
    const batches = this.#take();
    if (batches.length === 0) return;
    const before = this.#flights.at(-1);
    const flight = new Flight(this.#tenantId, this.#flightContext, batches);
    this.#flights.push(flight);
    if (this.#canBeAhead(batches)) {
      this.#turns += 1;
      flight.goAhead(`${this.#prefix} ${this.#turns}`, before);
    }
    this.#finish(flight, before).catch((err: unknown) => {
      // Its batches have their answers; who follows the log hears of it from the poll.
      this.#context.logger.error({ err }, "a commit was not told of");
    });
  }

  async #finish(flight: Flight, before: Flight | undefined): Promise<void> {
    const { written, error } = await flight.finish(before, () => this.#isResending);
    if (flight.wasTurnedAwayInVain) this.#overlapsFrom = performance.now() + VAIN_PAUSE_MS;
    this.#flights.shift();
    try {
      if (written) {
        flight.answer(written);
        this.#isResending = flight.metDuplicates;
      } else {
        flight.reject(error);
        // Whoever sent these sends them again. What waits behind them goes the
        // same way, or it would stand before them in the log.
        if (isUnavailable(error)) for (const batch of this.#takeAll()) batch.reject(error);
      }
    } finally {
      // The next flush waits for it.
      flight.settle(error);
      this.#wake();
    }
  }

  /** Whether a flush may be sent without reading first and without waiting for those ahead. */
  #canBeAhead(batches: readonly WaitingBatch[]): boolean {
    if (this.#isResending || performance.now() < this.#overlapsFrom) return false;
    return batches.every((batch) => batch.appendsOnly);
  }

  /**
   * The batches of the next flush. Those whose callers are gone are dropped: nothing was promised of them, and a server
   * that is behind would be so for longer. Their signals are looked at here, which is the last moment and costs less than
   * to listen. Once aborted a signal stays so: of a stream that is gone nothing is stored behind what was dropped.
   */
  #take(): WaitingBatch[] {
    const batches = this.#waiting.splice(0, this.#nextCount());
    for (const { entries, byteLength, signal, reject } of batches) {
      this.#waitingEntries -= entries.length;
      this.#waitingBytes -= byteLength;
      if (signal?.aborted) reject(signal.reason);
    }
    return batches.filter(({ signal }) => !signal?.aborted);
  }

  /** How many batches make up the next flush, with those to drop: in order, up to its limits; at least one. */
  #nextCount(): number {
    const { maxFlushEntries, maxFlushBytes } = this.#settings;
    let count = 0;
    let entries = 0;
    let bytes = 0;
    for (const batch of this.#waiting) {
      if (!batch.signal?.aborted) {
        entries += batch.entries.length;
        bytes += batch.byteLength;
      }
      if (count > 0 && (entries > maxFlushEntries || bytes > maxFlushBytes)) break;
      count += 1;
    }
    return count;
  }

  #takeAll(): WaitingBatch[] {
    this.#waitingEntries = 0;
    this.#waitingBytes = 0;
    return this.#waiting.splice(0);
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof HoldfastError && error.reason === ErrorReason.DATABASE_UNAVAILABLE;
}
