import { setTimeout as delay } from "node:timers/promises";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { errorText, HoldfastError } from "../core/errors.js";
import { NOT_IN_TURN } from "../store/routines/log-routines.js";
import { databaseError, UNIQUE_VIOLATION } from "../store/sqlstate.js";
import type { AppenderContext } from "./appender.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";
import {
  type Commit,
  type FlushContext,
  NO_COMMIT,
  type WrittenFlush,
  writeFlush,
  writeInTurn,
} from "./write-flush.js";

export interface WaitingBatch {
  /** When it was given, in milliseconds of `performance.now`. */
  readonly since: number;
  readonly entries: readonly PreparedEntry[];
  readonly byteLength: number;
  readonly appendsOnly: boolean;
  readonly resolve: (outcomes: readonly EntryOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What a flight ended with: one of the two. */
export interface Landed {
  readonly written?: WrittenFlush;
  readonly error?: unknown;
}

type FlightContext = FlushContext & Pick<AppenderContext, "logger" | "onCommit" | "onDurable">;

/** One flush from its being taken from the queue to its being answered. */
export class Flight {
  readonly #tenantId: string;
  readonly #context: FlightContext;
  readonly #batches: readonly WaitingBatch[];
  readonly #entries: readonly PreparedEntry[];
  #settle: (error: unknown) => void = () => {};
  #turn: string | undefined;
  #ahead: Promise<Landed> | undefined;
  /** Whether it has been sent and not yet been refused: then another may be sent behind it. */
  isAhead = false;
  /** Whether the one before it was stored as it was sent, and yet this one was told it was not. */
  wasTurnedAwayInVain = false;
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
   */
  async finish(before: Flight | undefined, isResending: () => boolean): Promise<Landed> {
    const ahead = await this.#ahead;
    const failure = await before?.settled;
    if (isUnavailable(failure)) return { error: failure };
    if (ahead?.written) return ahead;
    let checkFirst = isResending();
    if (ahead) {
      const code = databaseError(ahead.error)?.code;
      this.wasTurnedAwayInVain = code === NOT_IN_TURN && before?.isAhead === true;
      checkFirst ||= code === UNIQUE_VIOLATION || isUnavailable(ahead.error);
    }
    try {
      return { written: await this.#writeIsolating(this.#entries, checkFirst) };
    } catch (error) {
      return { error };
    }
  }

  /** Gives each batch its outcomes and tells of the commit. */
  answer({ outcomes, commit }: WrittenFlush): void {
    let from = 0;
    for (const { entries, since, resolve } of this.#batches) {
      resolve(outcomes.slice(from, from + entries.length));
      from += entries.length;
      this.#context.onDurable?.((performance.now() - since) / 1000);
    }
    if (commit !== NO_COMMIT) this.#context.onCommit(this.#tenantId, commit);
  }

  reject(error: unknown): void {
    for (const batch of this.#batches) batch.reject(error);
  }

  settle(error: unknown): void {
    this.#settle(error);
  }

  /**
   * An entry that the database cannot take, by a defect of ours, must not cost
   * the others: halves are tried by themselves until it is alone.
   */
  async #writeIsolating(entries: readonly PreparedEntry[], checkFirst: boolean): Promise<WrittenFlush> {
    try {
      return await this.#writeUntilKnown(entries, checkFirst);
    } catch (thrown) {
      const error = HoldfastError.from(thrown);
      if (error.reason !== ErrorReason.INTERNAL) throw error;
      if (entries.length === 1) {
        this.#context.logger.error({ reason: errorText(error.cause) }, "an entry could not be stored");
        return { outcomes: [error], commit: NO_COMMIT };
      }
      const middle = Math.ceil(entries.length / 2);
      const first = await this.#writeIsolating(entries.slice(0, middle), checkFirst);
      const second = await this.#writeIsolating(entries.slice(middle), checkFirst);
      return {
        outcomes: [...first.outcomes, ...second.outcomes],
        commit: both(first.commit, second.commit),
      };
    }
  }

  /**
   * When the connection is lost the flush may or may not have been stored. Ids
   * make trying again exact, so that is settled here where it can be.
   */
  async #writeUntilKnown(entries: readonly PreparedEntry[], checkFirst: boolean): Promise<WrittenFlush> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await writeFlush(this.#context, this.#tenantId, entries, checkFirst || attempt > 0);
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

function both(first: Commit, second: Commit): Commit {
  if (first === NO_COMMIT) return second;
  if (second === NO_COMMIT) return first;
  return { ...second, parts: [...first.parts, ...second.parts] };
}

function isUnavailable(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.reason === ErrorReason.DATABASE_UNAVAILABLE;
}

/** Long enough for a lost connection or a failover to a warm standby, short enough for callers' deadlines. */
const LOST_CONNECTION_PAUSES_MS = [0, 100, 400, 1000];
