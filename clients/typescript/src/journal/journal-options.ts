import { countOf, durationMs, timerMs } from "../call/duration.js";
import type { HoldfastError } from "../holdfast-error.js";

// The reasons stand with the options.
const MAX_BYTES = 256 * 1024 * 1024;
const MAX_ENTRIES = 500_000;
const ACKNOWLEDGE_WITHIN_MS = 2_000;
const PROBE_INTERVAL_MS = 500;

/** Where writes go while the service is away, and how much of them. */
export interface JournalOptions {
  /**
   * Made if missing, for this account alone (0700; files 0600): entries hold what was to be written, never a
   * token. Any number of processes may share one; a tenant (`tenantId`) has a folder of its own inside.
   */
  readonly directory: string;
  /** Bytes of waiting entries, at most. Default 256 MiB: some hours of a busy agent, little on any disk. */
  readonly maxBytes?: number;
  /** Waiting entries, at most. Default 500,000: replayed in a minute or two. */
  readonly maxEntries?: number;
  /**
   * How long a write may wait for its acknowledgement before it is journaled, in milliseconds. Default 2 s: a
   * restart or a moved connection is over by then. Once one was journaled others are at once.
   */
  readonly acknowledgeWithinMs?: number;
  /** How often the service is asked whether it is back, in milliseconds. Default 500. */
  readonly probeIntervalMs?: number;
  /** Told of each write that the service refused for good at replay; it is kept in `rejected-….jsonl`. */
  readonly onRejected?: (rejected: RejectedWrite) => void;
}

/** A journaled write that will not be stored, and why. */
export interface RejectedWrite {
  /** "holdfast.v1.GoalService/CreateGoal". */
  readonly method: string;
  /** Of what it would have written, as far as refused. */
  readonly ids: readonly string[];
  readonly error: HoldfastError;
}

/** The settings in force. */
export type JournalSettings = Required<Omit<JournalOptions, "onRejected">> &
  Pick<JournalOptions, "onRejected">;

/** What is given over the defaults. Throws TypeError for a directory that is none, INVALID_ARGUMENT for a number that makes no sense. */
export function journalSettings(options: JournalOptions): JournalSettings {
  if (typeof options.directory !== "string" || options.directory === "") {
    throw new TypeError(`journal.directory: expected a path, got ${JSON.stringify(options.directory)}`);
  }
  const { maxBytes = MAX_BYTES, maxEntries = MAX_ENTRIES } = options;
  const { acknowledgeWithinMs = ACKNOWLEDGE_WITHIN_MS, probeIntervalMs = PROBE_INTERVAL_MS } = options;
  return {
    ...options,
    maxBytes: countOf("journal.maxBytes", maxBytes),
    maxEntries: countOf("journal.maxEntries", maxEntries),
    acknowledgeWithinMs: timerMs(durationMs("journal.acknowledgeWithinMs", acknowledgeWithinMs, 1)),
    probeIntervalMs: timerMs(durationMs("journal.probeIntervalMs", probeIntervalMs, 1)),
  };
}
