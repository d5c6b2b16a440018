import type { HoldfastError } from "../holdfast-error.js";
import type { JournalWrite } from "./journal-write.js";

/** Where a write is to go now: one that should `wait` is told soon. */
export type Route = "service" | "journal" | "wait";

/** What a recorder needs of a journal. */
export interface RecordJournal {
  readonly route: Route;
  /** How long a record may wait for its acknowledgement. */
  readonly acknowledgeWithinMs: number;
  /** Calls back on each change of the route, until the answer is called. */
  onRoute(listener: () => void): () => void;
  /** The service did not acknowledge a write in time: from now on they go to the journal. */
  suspend(cause: HoldfastError): void;
  /** Resolves when the writes are on disk. Throws JOURNAL_FULL or JOURNAL_FAILED; then none of them is kept. */
  write(writes: readonly JournalWrite[]): Promise<void>;
}
