import { HoldfastError } from "../holdfast-error.js";
import type { Kept } from "../journal/written.js";
import type { ByteWriter } from "../wire/byte-writer.js";
import { Batch } from "./batch.js";
import type { PendingRecord, Saved } from "./recorded.js";
import { PROTOCOL_LIMITS, type StreamLimits } from "./stream-limits.js";

// While others are in flight a batch this full goes too: larger ones save little more per entry (measured:
// ten a message 170k/s, a hundred 197k/s), and waiting longer only adds latency.
const EAGER_ENTRIES = 64;
const EAGER_BYTES = 64 * 1024;
const FIRST_BATCH_BYTES = 4 * 1024;

/** Entries not sent yet, in the order recorded: full batches, then the one that is gathering. */
export class AppendQueue {
  #limits: StreamLimits = PROTOCOL_LIMITS;
  #sealed: Batch[] = [];
  #gathering: Batch | undefined;
  #sequence = 0n;
  #expectedBytes = FIRST_BATCH_BYTES;

  get isEmpty(): boolean {
    return this.#sealed.length === 0 && this.#gathering === undefined;
  }

  /**
   * Adds an entry at the end; answers what it adds to the batch's bytes. Throws what `encode` throws, and INVALID_ARGUMENT for
   * an entry over the server's limit; then nothing was added.
   */
  add(record: PendingRecord<Saved | Kept>, encode: (writer: ByteWriter) => void): number {
    const limits = this.#limits;
    this.#gathering ??= this.#newBatch(this.#expectedBytes);
    let batch = this.#gathering;
    try {
      const bytes = batch.add(record, encode);
      if (bytes > limits.maxBytesPerEntry) {
        batch.dropLast();
        throw tooLarge(bytes, limits.maxBytesPerEntry);
      }
      if (batch.messageBytes > limits.maxBytesPerMessage && batch.size > 1) {
        const next = this.#newBatch(this.#expectedBytes);
        next.copyFrom(batch, batch.size - 1);
        batch.dropLast();
        this.#seal();
        this.#gathering = next;
        batch = next;
      }
      if (batch.size >= limits.maxEntriesPerBatch) this.#seal();
      return batch.entryBytes(batch.size - 1);
    } finally {
      if (this.#gathering?.size === 0) this.#gathering = undefined;
    }
  }

  /** The batch to send now, still in the queue. With `busy` (others are in flight) one worth a message. */
  next(busy: boolean): Batch | undefined {
    const first = this.#sealed[0];
    if (first) return first;
    const gathering = this.#gathering;
    if (!gathering) return undefined;
    if (busy && gathering.size < EAGER_ENTRIES && gathering.byteLength < EAGER_BYTES) return undefined;
    this.#seal();
    return gathering;
  }

  /** Removes what {@link next} answered. */
  take(): void {
    this.#sealed.shift();
  }

  /** Puts batches that were sent back in front, in their order. */
  putBack(batches: readonly Batch[]): void {
    this.#sealed = [...batches, ...this.#sealed];
  }

  /** Removes everything. */
  takeAll(): readonly Batch[] {
    if (this.#gathering) this.#seal();
    const all = this.#sealed;
    this.#sealed = [];
    return all;
  }

  /** Adopts the limits of a new stream, splitting what was gathered under wider ones. */
  fit(limits: StreamLimits): void {
    this.#limits = limits;
    const gathering = this.#gathering;
    if (gathering && !fits(gathering, limits)) this.#seal();
    if (this.#sealed.every((batch) => fits(batch, limits))) return;
    this.#sealed = this.#sealed.flatMap((batch) => (fits(batch, limits) ? [batch] : this.#split(batch)));
  }

  #split(batch: Batch): Batch[] {
    const parts: Batch[] = [];
    let part: Batch | undefined;
    for (let index = 0; index < batch.size; index++) {
      const bytes = batch.entryBytes(index);
      const full =
        !part ||
        part.size >= this.#limits.maxEntriesPerBatch ||
        part.messageBytes + bytes > this.#limits.maxBytesPerMessage;
      if (!part || full) {
        part = this.#newBatch(bytes);
        parts.push(part);
      }
      part.copyFrom(batch, index);
    }
    return parts;
  }

  #seal(): void {
    const batch = this.#gathering as Batch;
    this.#gathering = undefined;
    this.#sealed.push(batch);
    // The next batch is likely as large; a quarter more spares it growing.
    this.#expectedBytes = Math.ceil(batch.byteLength * 1.25);
  }

  #newBatch(expectedBytes: number): Batch {
    this.#sequence += 1n;
    return new Batch(this.#sequence, expectedBytes);
  }
}

function fits(batch: Batch, limits: StreamLimits): boolean {
  return (
    batch.size <= 1 ||
    (batch.size <= limits.maxEntriesPerBatch && batch.messageBytes <= limits.maxBytesPerMessage)
  );
}

function tooLarge(actual: number, limit: number): HoldfastError {
  return new HoldfastError(`entry: expected at most ${limit} bytes, got ${actual}`, {
    code: "INVALID_ARGUMENT",
    reason: "LIMIT_EXCEEDED",
    metadata: { limit: String(limit), actual: String(actual) },
  });
}
