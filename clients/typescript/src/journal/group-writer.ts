import { HoldfastError } from "../holdfast-error.js";
import { type JournalFile, TakenOverError } from "./journal-file.js";
import type { JournalFolder } from "./journal-folder.js";
import { encodeWrite } from "./journal-line.js";
import type { JournalWrite } from "./journal-write.js";
import type { Turns } from "./turns.js";

// What one fsync makes durable: enough that it costs next to nothing a write, and soon done.
const MAX_GROUP_ENTRIES = 1000;
const MAX_GROUP_BYTES = 1024 * 1024;
/** A file that is full gets no more lines, so that what was replayed leaves the disk bit by bit. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
// What a line has beside its request.
const LINE_OVERHEAD = 200;

interface WaitingWrites {
  readonly writes: readonly JournalWrite[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How much may wait. */
export interface JournalLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Puts writes on disk in the order given, those of one moment with one fsync. */
export class GroupWriter {
  readonly #folder: JournalFolder;
  readonly #turns: Turns;
  readonly #limits: JournalLimits;
  #queue: WaitingWrites[] = [];
  #queuedEntries = 0;
  #queuedBytes = 0;
  #running: Promise<void> | undefined;
  #active: JournalFile | undefined;

  constructor(folder: JournalFolder, turns: Turns, limits: JournalLimits) {
    this.#folder = folder;
    this.#turns = turns;
    this.#limits = limits;
  }

  /** Not on disk yet. */
  get pending(): number {
    return this.#queuedEntries;
  }

  /** Resolves when all are on disk; throws JOURNAL_FULL or JOURNAL_FAILED, and then none is. */
  write(writes: readonly JournalWrite[]): Promise<void> {
    // About: as lines they are made only when their turn comes, a few at a time.
    const bytes = writes.reduce((sum, { request }) => sum + request.length + LINE_OVERHEAD, 0);
    const { maxEntries, maxBytes } = this.#limits;
    const entries = this.#queuedEntries + sum(this.#folder.files, "entries");
    const held = this.#queuedBytes + sum(this.#folder.files, "bytes");
    if (entries + writes.length > maxEntries || held + bytes > maxBytes) {
      return Promise.reject(full(entries, held, this.#limits));
    }
    this.#queuedEntries += writes.length;
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is pending. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    // What this turn of the event loop writes goes together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#take();
      try {
        await this.#turns.take(() => this.#put(group.flatMap(({ writes }) => writes)));
        this.#taken(group);
        for (const { resolve } of group) resolve();
      } catch (thrown) {
        this.#taken(group);
        for (const { reject } of group) reject(failed(thrown));
      }
    }
    this.#running = undefined;
  }

  #take(): WaitingWrites[] {
    let entries = 0;
    let bytes = 0;
    let count = 0;
    for (const each of this.#queue) {
      entries += each.writes.length;
      bytes += each.bytes;
      if (count > 0 && (entries > MAX_GROUP_ENTRIES || bytes > MAX_GROUP_BYTES)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #taken(group: readonly WaitingWrites[]): void {
    for (const { writes, bytes } of group) {
      this.#queuedEntries -= writes.length;
      this.#queuedBytes -= bytes;
    }
  }

  async #put(writes: readonly JournalWrite[]): Promise<void> {
    const time = new Date();
    const encoded = writes.map((write) => encodeWrite(write, time));
    for (;;) {
      let file = this.#active;
      const isNew =
        !file || file.isBroken || file.size >= MAX_FILE_BYTES || !this.#folder.files.includes(file);
      if (!file || isNew) this.#active = file = this.#folder.create();
      try {
        await file.append(encoded, time);
        if (isNew) this.#folder.sync();
        return;
      } catch (thrown) {
        const isTaken = thrown instanceof TakenOverError;
        if (isTaken || file.entries === 0) {
          this.#folder.forget(file);
          await (isTaken ? file.close() : file.remove()).catch(() => {});
        }
        if (!isTaken) throw thrown;
      }
    }
  }
}

function sum(files: readonly JournalFile[], what: "entries" | "bytes"): number {
  return files.reduce((total, file) => total + file[what], 0);
}

function full(entries: number, bytes: number, { maxEntries, maxBytes }: JournalLimits): HoldfastError {
  const held = `${entries} of ${maxEntries} writes, ${bytes} of ${maxBytes} bytes`;
  return new HoldfastError(`the service is away and the journal is full (${held})`, {
    code: "RESOURCE_EXHAUSTED",
    reason: "JOURNAL_FULL",
    retryable: true,
  });
}

function failed(cause: unknown): HoldfastError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError(`the service is away and the journal cannot be written: ${text}`, {
    code: "UNAVAILABLE",
    reason: "JOURNAL_FAILED",
    cause,
  });
}
