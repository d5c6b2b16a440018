import { setTimeout as delay } from "node:timers/promises";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { errorText, HoldfastError } from "../core/errors.js";
import { NOT_IN_TURN } from "../store/routines/log-routines.js";
import { databaseError, UNIQUE_VIOLATION } from "../store/sqlstate.js";
import type { AppenderContext } from "./appender.js";
import { type BatchEnd, batchEnds, endsBehind, endsWithin, halfOfBatches } from "./batch-ends.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";
import { type FlushContext, NO_COMMIT, type WrittenFlush, writeFlush, writeInTurn } from "./write-flush.js";

export interface WaitingBatch {
  /** When it was given, in milliseconds of `performance.now`. */
  readonly since: number;
  readonly entries: readonly PreparedEntry[];
  readonly byteLength: number;
  readonly appendsOnly: boolean;
  /** Whether its entries may be stored in several transactions; else together or not at all. */
  readonly isDivisible: boolean;
  /** Aborts when nobody waits for the outcomes any more. */
  readonly signal: AbortSignal | undefined;
  readonly resolve: (outcomes: readonly EntryOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What a flight ended with: what its last transaction stored, or why that stored nothing. */
export interface Landed {
  readonly written?: WrittenFlush | undefined;
  readonly error?: unknown;
}

export type FlightContext = FlushContext &
  Pick<AppenderContext, "logger" | "durable" | "onCommit" | "onDurable"> & {
    /** Lets whoever waits for a connection have the flight's; called while nothing runs on it. */
    readonly yieldConnection: () => void;
  };

/** One flush from its being taken from the queue to its being answered. */
export class Flight {
  readonly #tenantId: string;
  readonly #context: FlightContext;
  readonly #batches: readonly WaitingBatch[];
  readonly #entries: readonly PreparedEntry[];
  /** How many batches are answered, and outcomes of the next one that are known. */
  #answered = 0;
  #known: readonly EntryOutcome[] = [];
  /** Whether entries are looked for before they are written. */
  #checkFirst = false;
  #settle: (error: unknown) => void = () => {};
  #turn: string | undefined;
  #ahead: Promise<Landed> | undefined;
  /** Whether it has been sent and not yet been refused: then another may be sent behind it. */
  isAhead = false;
  /** Whether the one before it was stored as it was sent, and yet this one was told it was not. */
  wasTurnedAwayInVain = false;
  /** Whether entries that were answered had been stored before. */
  metDuplicates = false;
  /** Resolves when it is over and answered, with what made it fail; the next one's turn is then. */
  readonly settled: Promise<unknown>;

  constructor(tenantId: string, context: FlightContext, batches: readonly WaitingBatch[]) {
    this.#tenantId = tenantId;
    this.#context = context;
    this.#batches = batches;
    const [first] = batches;
    this.#entries = batches.length === 1 && first ? first.entries : batches.flatMap(({ entries }) => entries);
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Sends it at once, to be stored only if the one before it is stored as that was sent. */
  goAhead(turn: string, before: Flight | undefined): void {
    this.#turn = turn;
    this.isAhead = true;
    const after = before ? (before.#turn ?? null) : null;
    this.#ahead = writeInTurn(this.#context, this.#tenantId, this.#entries, { turn, after }).then(
      (written) => ({ written }),
      (error) => {
        this.isAhead = false;
        return { error };
      },
    );
  }

  /**
   * Resolves with what became of it, after the one before is settled. If that
   * failed for want of the database this one does, whatever became of it: it is
   * sent again behind the other, and found to be there if it is.
   *
   * @returns what the last of its transactions stored, which is still to be answered
   */
  async finish(before: Flight | undefined, isResending: () => boolean): Promise<Landed> {
    const ahead = await this.#ahead;
    const failure = await before?.settled;
    if (isUnavailable(failure)) return { error: failure };
    if (ahead?.written) return ahead;
    this.#checkFirst = isResending();
    if (ahead) {
      const code = databaseError(ahead.error)?.code;
      this.wasTurnedAwayInVain = code === NOT_IN_TURN && before?.isAhead === true;
      this.#checkFirst ||= code === UNIQUE_VIOLATION || isUnavailable(ahead.error);
    }
    try {
      return { written: await this.#writeAll() };
    } catch (error) {
      return { error };
    }
  }

  /**
   * What one transaction stored: gives each batch its outcomes once all of them are known, and tells of the commit. Kept
   * are only outcomes, so that a flight holds the rows of one transaction.
   */
  answer({ outcomes, commit }: WrittenFlush): void {
    this.metDuplicates ||= outcomes.some((each) => !(each instanceof Error) && each.duplicate);
    const known = this.#known.length === 0 ? outcomes : [...this.#known, ...outcomes];
    let from = 0;
    for (let batch = this.#batches[this.#answered]; batch; batch = this.#batches[this.#answered]) {
      const { entries, since, resolve } = batch;
      if (known.length - from < entries.length) break;
      resolve(known.slice(from, from + entries.length));
      from += entries.length;
      this.#answered += 1;
      this.#context.onDurable?.((performance.now() - since) / 1000);
    }
    this.#known = known.slice(from);
    if (commit === NO_COMMIT) return;
    this.#context.durable.committed(this.#tenantId, commit.mark.position);
    this.#context.onCommit(this.#tenantId, commit);
  }

  /** Rejects the batches that have no outcomes yet. */
  reject(error: unknown): void {
    for (const batch of this.#batches.slice(this.#answered)) batch.reject(error);
  }

  settle(error: unknown): void {
    this.#settle(error);
  }

  /** Writes the entries in as many transactions as they take, mostly one. All but the last are answered here. */
  async #writeAll(): Promise<WrittenFlush> {
    let rest = this.#entries;
    let ends = batchEnds(this.#batches);
    for (let most = rest.length; ; ) {
      const written = await this.#writeFirst(rest.slice(0, most), ends);
      const count = written.outcomes.length;
      if (count === rest.length) return written;
      this.answer(written);
      this.#context.yieldConnection();
      rest = rest.slice(count);
      ends = endsBehind(ends, count);
      most = ends.find((end) => end.count >= count * NEXT_TRANSACTION_GROWTH)?.count ?? rest.length;
    }
  }

  /**
   * Writes the first of the entries, as many as one transaction takes and at least one.
   *
   * When the connection is lost the flush may or may not have been stored. Ids make trying again exact, so that is
   * settled here where it can be. If the database cannot take an entry, by a defect of ours, half as many are tried: that
   * one is found so, and costs the others nothing.
   */
  async #writeFirst(entries: readonly PreparedEntry[], ends: readonly BatchEnd[]): Promise<WrittenFlush> {
    let losses = 0;
    for (let count = entries.length; ; ) {
      try {
        const tried = entries.slice(0, count);
        const triedEnds = endsWithin(ends, count);
        const flush = await writeFlush(this.#context, this.#tenantId, tried, triedEnds, this.#checkFirst);
        if (flush.repeats) await this.#context.durable.confirm(this.#tenantId, flush.repeats);
        return flush;
      } catch (thrown) {
        const error = HoldfastError.from(thrown);
        if (isUnavailable(error)) {
          const pause = LOST_CONNECTION_PAUSES_MS[losses];
          if (pause === undefined) throw error;
          losses += 1;
          this.#checkFirst = true;
          this.#context.logger.warn(
            { reason: errorText(error.cause), attempt: losses },
            "a flush lost its connection and is tried again",
          );
          await delay(pause);
          continue;
        }
        if (error.reason !== ErrorReason.INTERNAL) throw error;
        if (count === 1) {
          this.#context.logger.error({ reason: errorText(error.cause) }, "an entry could not be stored");
          return { outcomes: [error], commit: NO_COMMIT };
        }
        count = halfOfBatches(ends, count);
      }
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof HoldfastError && error.reason === ErrorReason.DATABASE_UNAVAILABLE;
}

/**
 * The next transaction tries this many times as many entries as the one before it took, and the rest of their batch. So
 * what there was no room for is not read again each time, and small entries behind large ones soon share a transaction.
 */
const NEXT_TRANSACTION_GROWTH = 2;
/** Long enough for a lost connection or a failover to a warm standby, short enough for callers' deadlines. */
const LOST_CONNECTION_PAUSES_MS = [0, 100, 400, 1000];
