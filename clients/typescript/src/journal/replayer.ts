import { notify } from "../call/notify.js";
import type { Transport } from "../call/transport.js";
import { HoldfastError } from "../holdfast-error.js";
import type { JournalFile } from "./journal-file.js";
import type { JournalFolder } from "./journal-folder.js";
import type { RejectedWrite } from "./journal-options.js";
import type { StoredWrite } from "./parse-lines.js";
import { type Refusal, type Replayed, replayBatch } from "./replay-batch.js";
import type { Turns } from "./turns.js";

/** What the service fails at so often, each time after it said that it serves, is refused: it must not block the rest. */
const MAX_DEFECTS = 5;
const DEFECTS: ReadonlySet<string> = new Set(["INTERNAL", "UNKNOWN", "UNIMPLEMENTED", "DATA_LOSS"]);

/** Makes the calls that wait, in order, and settles them. */
export class Replayer {
  readonly #transport: Transport;
  readonly #folder: JournalFolder;
  readonly #turns: Turns;
  readonly #onRejected: ((rejected: RejectedWrite) => void) | undefined;
  #replayed = 0;
  #defects = 0;

  constructor(
    transport: Transport,
    folder: JournalFolder,
    turns: Turns,
    onRejected: ((rejected: RejectedWrite) => void) | undefined,
  ) {
    this.#transport = transport;
    this.#folder = folder;
    this.#turns = turns;
    this.#onRejected = onRejected;
  }

  get replayed(): number {
    return this.#replayed;
  }

  /** Makes one call of the oldest writes that wait. Answers how many are settled; throws why none could be. */
  async once(signal: AbortSignal): Promise<number> {
    const file = this.#folder.files.find(({ entries }) => entries > 0);
    if (!file) return 0;
    const waiting = await this.#turns.take(() => this.#waiting(file));
    if (waiting.length === 0) return 0;
    const { count, refused } = await this.#replay(waiting, signal);
    await this.#turns.take(async () => {
      // First what must not vanish.
      if (refused.length > 0) this.#folder.reject(refused.map(keptRefusal));
      await file.settle(count);
      if (file.entries > 0) return;
      this.#folder.forget(file);
      await file.remove();
    });
    this.#replayed += count;
    for (const { stored, ids, error } of refused)
      notify(this.#onRejected, { method: stored.json.method, ids, error });
    return count;
  }

  async #waiting(file: JournalFile): Promise<readonly StoredWrite[]> {
    try {
      const waiting = await file.waiting();
      if (waiting.length > 0) return waiting;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    // Another process has it, or somebody deleted it.
    this.#folder.forget(file);
    await file.close();
    return [];
  }

  async #replay(waiting: readonly StoredWrite[], signal: AbortSignal): Promise<Replayed> {
    try {
      const replayed = await replayBatch(
        this.#transport,
        waiting,
        this.#defects > 0 ? 1 : waiting.length,
        signal,
      );
      this.#defects = 0;
      return replayed;
    } catch (thrown) {
      const error = HoldfastError.from(thrown);
      if (error.retryable || !DEFECTS.has(error.code)) throw error;
      this.#defects++;
      if (this.#defects <= MAX_DEFECTS) throw error;
      this.#defects = 0;
      const [stored] = waiting as [StoredWrite];
      return { count: 1, refused: [{ stored, ids: stored.json.ids, error }] };
    }
  }
}

function keptRefusal({ stored, ids, error }: Refusal): object {
  const { code, reason, message, violations, metadata, requestId } = error;
  return { refused: { ids, code, reason, message, violations, metadata, requestId }, write: stored.json };
}
