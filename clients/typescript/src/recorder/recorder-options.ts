import type { HoldfastError } from "../holdfast-error.js";
import type { EntryCase } from "./recorded.js";
import type { RecordDefaults } from "./records.js";

/** How a recorder records. */
export interface RecorderOptions extends RecordDefaults {
  /** For the server's log and metrics: "planner/1.4". The default is the agent's name. */
  readonly clientName?: string;
  /**
   * Records held until acknowledged, at most. Default 100,000: half a minute without a server at a few thousand
   * a second, in some 50 MB.
   */
  readonly maxBufferedRecords?: number;
  /** Their encoded bytes, at most. Default 64 MiB. */
  readonly maxBufferedBytes?: number;
  /**
   * How long the server may leave a batch unanswered before it is sent again on another stream, in
   * milliseconds. Default 60 s: keepalive tells a dead connection, this a stuck server.
   */
  readonly answerTimeoutMs?: number;
  /** Abandons the recorder, as `close({ abandon: true })` does. */
  readonly signal?: AbortSignal;
  /** Told of each record that will not be stored, whether or not its promise is awaited. */
  readonly onRejected?: (rejected: RejectedRecord) => void;
  /** Told when the stream is interrupted with work left, and when the next attempt is. For logs. */
  readonly onInterrupted?: (error: HoldfastError, delayMs: number) => void;
}

/** A record that was refused, and why. */
export interface RejectedRecord {
  readonly id: string;
  readonly kind: EntryCase;
  readonly error: HoldfastError;
}

/** What a recorder has done since it was made. */
export interface RecorderTotals {
  /** Durable, `duplicates` included. */
  readonly stored: number;
  readonly duplicates: number;
  /** Kept in the client's journal, where it has one; what becomes of them there is the journal's to tell. */
  readonly journaled: number;
  readonly rejected: number;
  /** Recorded and neither stored, journaled nor rejected yet. */
  readonly pending: number;
  /** The highest position stored; 0 for none. Give it as `minPosition` to read what was recorded. */
  readonly lastPosition: bigint;
  /** The first rejection, undefined while all is well. */
  readonly firstRejection: RejectedRecord | undefined;
}
