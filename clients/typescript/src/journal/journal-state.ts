import type { HoldfastError } from "../holdfast-error.js";

/**
 * `connected`: writes go to the service. `journaling`: it is away, they go to the journal. `replaying`: it is
 * back and gets what waits; newer writes go behind that.
 */
export type JournalMode = "connected" | "journaling" | "replaying";

/** How the journal of this client is. */
export interface JournalState {
  readonly mode: JournalMode;
  /** Writes that wait, those taken over from processes that died included. */
  readonly entries: number;
  /** Bytes of those. */
  readonly bytes: number;
  /** When the oldest of those was journaled; undefined when none waits. */
  readonly oldest: Date | undefined;
  /** Writes that this client has replayed. */
  readonly replayed: number;
  /** Writes refused for good at replay, as kept in the folder by any process until someone removes the files. */
  readonly rejected: number;
  /** Lines that were damaged inside a file, as kept in the folder likewise. */
  readonly damaged: number;
  /** Why it is not connected; undefined when it is, or when only entries of a former process wait. */
  readonly cause: HoldfastError | undefined;
}

/** The journal of a client, made with `connect({ journal })`. */
export interface Journal {
  /** As of now. */
  readonly state: JournalState;
  /** The state now, then each that follows, the latest first when some were missed; until the signal fires. */
  states(signal?: AbortSignal): AsyncGenerator<JournalState, void, undefined>;
  /** Resolves when nothing waits in it. A signal ends the waiting (CANCELLED). */
  drained(signal?: AbortSignal): Promise<void>;
}
