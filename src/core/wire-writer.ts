import { GrowingBuffer } from "./growing-buffer.js";
import { writeText } from "./short-text.js";

/** Bytes that the longest varint takes. */
const MAX_VARINT_BYTES = 10;
const INITIAL_BYTES = 64 * 1024;
/** A page is about a mebibyte; memory for a larger one is not kept for the next. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
const MICROS_PER_SECOND = 1_000_000n;
/** Of Timestamp, both varints. */
const SECONDS_TAG = 1 << 3;
const NANOS_TAG = 2 << 3;

/**
 * Writes protobuf's primitives, one after the other into memory that is used
 * again and again: one writer serves many messages.
 *
 * What is preceded by its length is written behind room for as many bytes as
 * its length will probably take, and moved if it takes others.
 */
export class WireWriter extends GrowingBuffer {
  constructor() {
    super(INITIAL_BYTES);
  }

  get byteLength(): number {
    return this.length;
  }

  /** A copy of what was written from there on. */
  copy(from: number): Buffer {
    return Buffer.from(this.buffer.subarray(from, this.length));
  }

  /** What was written since the last time. */
  finish(): Buffer {
    const bytes = this.copy(0);
    this.length = 0;
    if (this.buffer.length > MAX_KEPT_BYTES) this.buffer = Buffer.allocUnsafe(INITIAL_BYTES);
    return bytes;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.byteLength);
    this.buffer.set(bytes, this.length);
    this.length += bytes.byteLength;
  }

  /** A whole number from 0 to 2^53 - 1, as a tag or a length is one. */
  varint(value: number): void {
    this.reserve(MAX_VARINT_BYTES);
    this.length = this.#varintAt(this.length, value);
  }

  /** An int32 or int64. */
  integer(value: number | bigint): void {
    const number = Number(value);
    if (number >= 0 && Number.isSafeInteger(number)) {
      this.varint(number);
      return;
    }
    this.reserve(MAX_VARINT_BYTES);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7fn) {
      this.buffer[this.length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.length++] = Number(rest);
  }

  float(value: number): void {
    this.reserve(4);
    this.length = this.buffer.writeFloatLE(value, this.length);
  }

  double(value: number): void {
    this.reserve(8);
    this.length = this.buffer.writeDoubleLE(value, this.length);
  }

  /** Bytes preceded by their length. */
  bytes(value: Uint8Array): void {
    this.varint(value.byteLength);
    this.raw(value);
  }

  /** UTF-8 preceded by its length. */
  text(value: string): void {
    // Three bytes a UTF-16 unit is the most UTF-8 takes.
    this.reserve(MAX_VARINT_BYTES + value.length * 3);
    const room = varintBytes(value.length);
    const from = this.length;
    this.length += room;
    this.length += writeText(value, this.buffer, this.length);
    this.end(from, room);
  }

  /** A google.protobuf.Timestamp preceded by its length. */
  timestamp(micros: bigint): void {
    const rest = ((micros % MICROS_PER_SECOND) + MICROS_PER_SECOND) % MICROS_PER_SECOND;
    const seconds = (micros - rest) / MICROS_PER_SECOND;
    const from = this.begin(1);
    if (seconds !== 0n) {
      this.varint(SECONDS_TAG);
      this.integer(seconds);
    }
    if (rest !== 0n) {
      this.varint(NANOS_TAG);
      this.varint(Number(rest) * 1000);
    }
    this.end(from, 1);
  }

  /**
   * Begins a message within the message.
   *
   * @param room bytes that its length will probably take.
   * @returns what `end` wants to be given.
   */
  begin(room: number): number {
    this.reserve(room);
    this.length += room;
    return this.length - room;
  }

  /** Ends what began there with so much room for its length. */
  end(from: number, room: number): void {
    const size = this.length - from - room;
    const needed = varintBytes(size);
    if (needed !== room) {
      this.reserve(MAX_VARINT_BYTES);
      this.buffer.copyWithin(from + needed, from + room, this.length);
      this.length += needed - room;
    }
    this.#varintAt(from, size);
  }

  /** Returns where it ends. */
  #varintAt(from: number, value: number): number {
    let at = from;
    let rest = value;
    // Beyond 31 bits JavaScript's bitwise operators would cut it.
    while (rest > 0x7fffffff) {
      this.buffer[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      this.buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[at++] = rest;
    return at;
  }
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}
