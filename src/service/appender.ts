import type { Logger } from "pino";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { Database } from "../store/database.js";
import { databaseUnavailable } from "../store/sqlstate.js";
import type { DurableLog, ReadOfLog } from "./durable-log.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";
import { TenantQueue } from "./tenant-queue.js";
import { appendValidated, mayNeedValidation } from "./validate-entries.js";
import type { Commit, FlushContext } from "./write-flush.js";

export interface AppenderSettings {
  /** Entries a flush takes at most: more makes waiting longer without making Postgres faster. */
  readonly maxFlushEntries: number;
  /** Bytes a transaction takes at most, of entries and of the rows they change, so that one statement stays small. */
  readonly maxFlushBytes: number;
  /** Entries of one tenant that may wait; past it appending is refused as OVERLOADED. */
  readonly maxWaitingEntries: number;
  /** Bytes of one tenant's entries that may wait. */
  readonly maxWaitingBytes: number;
}

export interface AppendOptions {
  /**
   * Whether the caller has waited for `room`. Then a full queue does not refuse, since several may have been let in at
   * once, each with one batch.
   */
  readonly isAdmitted?: boolean;
  /**
   * Whether entries may be stored in several transactions, in order, if one has no room for all. Otherwise they are
   * stored together, or each is refused as LIMIT_EXCEEDED.
   */
  readonly isDivisible?: boolean;
  /**
   * Aborts when nobody waits for the answer any more. Then entries that no flush has taken yet are not stored: nothing
   * was promised of them. Those taken go on.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Told of every flush after it is durable, in order of position within a tenant. */
export type CommitListener = (tenantId: string, commit: Commit) => void;

export interface AppenderContext extends Omit<FlushContext, "database" | "maxFlushBytes"> {
  readonly database: Database;
  readonly onCommit: CommitListener;
  /** How far each log is durable: no entry that was stored before is answered past that. */
  readonly durable: DurableLog;
  readonly logger: Logger;
  /** Whether the database is known to take none at this moment, when it is asked about; without it, it always may. */
  readonly takesWrites?: () => boolean;
  /** Told how long each batch took from being given to being durable. */
  readonly onDurable?: (seconds: number) => void;
}

/**
 * The group commit. Each tenant has one queue; while a flush of it is in
 * flight, what arrives waits and makes up the next one. So a lone entry is
 * written at once, and under load many share one commit, without timers.
 */
export class Appender {
  readonly #queues = new Map<string, TenantQueue>();
  readonly #context: AppenderContext;
  readonly #settings: AppenderSettings;
  /** Batches with entries that may need validation, until all of them are answered. */
  readonly #validating = new Map<Promise<unknown>, AbortController>();

  constructor(context: AppenderContext, settings: AppenderSettings) {
    this.#context = context;
    this.#settings = settings;
  }

  /**
   * Appends entries of one tenant, in order, mostly in one transaction, see `writeFlush`; those that need validation in
   * another after it.
   *
   * @returns what became of each, once durable.
   * @throws OVERLOADED and the signal's reason before anything is stored; DATABASE_UNAVAILABLE when the outcome is not
   * known.
   */
  append(
    tenantId: string,
    entries: readonly PreparedEntry[],
    options: AppendOptions = {},
  ): Promise<readonly EntryOutcome[]> {
    const outcomes = this.#enqueue(tenantId, entries, options);
    const { rules } = this.#context;
    if (!entries.some((entry) => mayNeedValidation(entry, rules))) return outcomes;
    return this.#validate(tenantId, entries, outcomes, options);
  }

  /** Resolves when what was read is durable: for answers that repeat what was stored before without appending it again. */
  confirm(tenantId: string, read: ReadOfLog): Promise<void> {
    return this.#context.durable.confirm(tenantId, read);
  }

  #enqueue(
    tenantId: string,
    entries: readonly PreparedEntry[],
    options: AppendOptions,
  ): Promise<readonly EntryOutcome[]> {
    if (entries.length === 0) return Promise.resolve([]);
    // Behind a flush that hangs they would wait for its timeout; refused at once, callers can turn elsewhere.
    if (this.#context.takesWrites?.() === false) return Promise.reject(databaseUnavailable());
    let queue = this.#queues.get(tenantId);
    if (!queue) {
      queue = new TenantQueue(tenantId, this.#context, this.#settings, () => this.#queues.delete(tenantId));
      this.#queues.set(tenantId, queue);
    }
    return queue.add(entries, options);
  }

  /** Answers for a batch once those of its entries that need it are validated and appended again. */
  async #validate(
    tenantId: string,
    entries: readonly PreparedEntry[],
    outcomes: Promise<readonly EntryOutcome[]>,
    { isDivisible = false }: AppendOptions,
  ): Promise<readonly EntryOutcome[]> {
    const stop = new AbortController();
    const context = {
      tenantId,
      rules: this.#context.rules,
      signal: stop.signal,
      // They were let in with their batch, and the others of it are stored.
      append: (again: readonly PreparedEntry[]) =>
        this.#enqueue(tenantId, again, { isAdmitted: true, isDivisible }),
    };
    const validated = outcomes.then((first) => appendValidated(context, entries, first));
    this.#validating.set(validated, stop);
    try {
      return await validated;
    } finally {
      this.#validating.delete(validated);
    }
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

  /** Refuses entries that still wait for their validation, and resolves when nothing waits or is in flight. */
  async close(): Promise<void> {
    const stopping = new HoldfastError(ErrorReason.SERVER_DRAINING, "this server is stopping");
    for (const stop of this.#validating.values()) stop.abort(stopping);
    while (this.#queues.size > 0 || this.#validating.size > 0) {
      const idle = [...this.#queues.values()].map((queue) => queue.idle());
      await Promise.allSettled([...idle, ...this.#validating.keys()]);
    }
  }
}
