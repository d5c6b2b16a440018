import {
  AppendBatchSchema,
  AppendRequestSchema,
  AppendStreamRequestSchema,
} from "../../../../gen/holdfast/v1/event_pb.js";
import type { Kept } from "../journal/written.js";
import { ByteWriter } from "../wire/byte-writer.js";
import type { PendingRecord, Saved } from "./recorded.js";

const LENGTH_DELIMITED = 2;
const BATCH_TAG = (AppendStreamRequestSchema.field.batch.number << 3) | LENGTH_DELIMITED;
const SEQUENCE_TAG = AppendBatchSchema.field.sequence.number << 3;
const ENTRIES_TAG = (AppendBatchSchema.field.entries.number << 3) | LENGTH_DELIMITED;
const APPEND_ENTRIES_TAG = (AppendRequestSchema.field.entries.number << 3) | LENGTH_DELIMITED;

/** Room in front of the entries for tag, length, tag and sequence, whose size is known only at the end. */
const HEADROOM = 32;

/**
 * Entries that travel together, encoded once as they come: sending one, or sending it again, costs nothing
 * per entry.
 */
export class Batch {
  readonly sequence: bigint;
  readonly records: PendingRecord<Saved | Kept>[] = [];
  readonly #writer: ByteWriter;
  readonly #starts: number[] = [];
  #message: Buffer | undefined;

  /** `expectedBytes` saves growing step by step. */
  constructor(sequence: bigint, expectedBytes: number) {
    this.sequence = sequence;
    this.#writer = new ByteWriter(HEADROOM + expectedBytes, HEADROOM);
  }

  /** Entries. */
  get size(): number {
    return this.records.length;
  }

  /** Of the entries, tags included. */
  get byteLength(): number {
    return this.#writer.length - HEADROOM;
  }

  /** Of the whole message, at most. */
  get messageBytes(): number {
    return this.#writer.length;
  }

  /**
   * Adds what `encode` writes as one entry; answers the entry's own size in bytes. When `encode` throws the
   * batch is as before.
   */
  add(record: PendingRecord<Saved | Kept>, encode: (writer: ByteWriter) => void): number {
    const writer = this.#writer;
    const start = writer.length;
    try {
      writer.varint(ENTRIES_TAG);
      const body = writer.fork();
      encode(writer);
      const bytes = writer.join(body);
      this.#starts.push(start);
      this.records.push(record);
      return bytes;
    } catch (thrown) {
      writer.truncate(start);
      throw thrown;
    }
  }

  /** Takes the last entry back. */
  dropLast(): void {
    this.records.pop();
    this.#writer.truncate(this.#starts.pop() as number);
  }

  /** Moves entry `index` of another batch to the end of this one. */
  copyFrom(other: Batch, index: number): void {
    const start = other.#starts[index] as number;
    this.#starts.push(this.#writer.length);
    this.#writer.raw(other.#writer.view(start, other.#starts[index + 1]));
    this.records.push(other.records[index] as PendingRecord<Saved | Kept>);
  }

  /** Entry `index` as a request of its own to append. */
  appendRequest(index: number): Buffer {
    const request = Buffer.from(this.#writer.view(this.#starts[index], this.#starts[index + 1]));
    // The same field, but for its number.
    request[0] = APPEND_ENTRIES_TAG;
    return request;
  }

  /** Entry `index` with its tag, in bytes. */
  entryBytes(index: number): number {
    return (this.#starts[index + 1] ?? this.#writer.length) - (this.#starts[index] as number);
  }

  /** The encoded AppendStreamRequest. Nothing can be added from then on. */
  message(): Buffer {
    this.#message ??= this.#finish();
    return this.#message;
  }

  #finish(): Buffer {
    const inner = new ByteWriter(HEADROOM);
    inner.varint(SEQUENCE_TAG);
    inner.int64(this.sequence);
    const header = new ByteWriter(HEADROOM);
    header.varint(BATCH_TAG);
    header.varint(inner.length + this.byteLength);
    header.raw(inner.view());
    const start = HEADROOM - header.length;
    const whole = this.#writer.view();
    whole.set(header.view(), start);
    return whole.subarray(start);
  }
}
