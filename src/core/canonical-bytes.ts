import { hash } from "node:crypto";
import { GrowingBuffer } from "./growing-buffer.js";
import { writeUuid } from "./hex.js";
import { writeText } from "./short-text.js";

const INITIAL_BYTES = 4096;
const HASH_BYTES = 32;
/** Hashes that share memory, which is kept as long as one of them is. */
const HASHES_AT_ONCE = 128;

/**
 * Writes values so that two sequences of values give the same bytes only if
 * they are the same: each is tagged as null or present, and whatever varies in
 * length is preceded by it. One writer is reused for many records.
 */
export class CanonicalBytes extends GrowingBuffer {
  /** What is left of the memory for hashes. */
  #hashes: Buffer = Buffer.alloc(0);

  constructor() {
    super(INITIAL_BYTES);
  }

  reset(): this {
    this.length = 0;
    return this;
  }

  get byteLength(): number {
    return this.length;
  }

  absent(): void {
    this.reserve(1);
    this.buffer[this.length++] = 0;
  }

  text(value: string): void {
    // Three bytes a UTF-16 unit is the most UTF-8 takes.
    this.reserve(5 + value.length * 3);
    const start = this.length + 5;
    const written = writeText(value, this.buffer, start);
    this.#present(written);
    this.length = start + written;
  }

  bytes(value: Uint8Array): void {
    this.reserve(5 + value.byteLength);
    this.#present(value.byteLength);
    this.buffer.set(value, this.length + 5);
    this.length += 5 + value.byteLength;
  }

  uuid(value: string): void {
    this.reserve(17);
    this.buffer[this.length] = 1;
    writeUuid(value, this.buffer, this.length + 1);
    this.length += 17;
  }

  boolean(value: boolean): void {
    this.reserve(2);
    this.buffer[this.length++] = 1;
    this.buffer[this.length++] = value ? 1 : 0;
  }

  double(value: number): void {
    this.reserve(9);
    this.buffer[this.length] = 1;
    this.buffer.writeDoubleBE(value, this.length + 1);
    this.length += 9;
  }

  integer(value: bigint): void {
    this.reserve(9);
    this.buffer[this.length] = 1;
    this.buffer.writeBigInt64BE(value, this.length + 1);
    this.length += 9;
  }

  /** SHA-256 of what was written since the last reset. */
  sha256(): Buffer {
    // By way of text: a buffer with memory of its own for each hash costs as much as the hash, and is collected late.
    const hex = hash("sha256", this.buffer.subarray(0, this.length), "hex");
    if (this.#hashes.length < HASH_BYTES) this.#hashes = Buffer.allocUnsafeSlow(HASHES_AT_ONCE * HASH_BYTES);
    const sha256 = this.#hashes.subarray(0, HASH_BYTES);
    this.#hashes = this.#hashes.subarray(HASH_BYTES);
    sha256.write(hex, "hex");
    return sha256;
  }

  #present(byteLength: number): void {
    this.buffer[this.length] = 1;
    const at = this.length;
    this.buffer[at + 1] = byteLength >>> 24;
    this.buffer[at + 2] = byteLength >>> 16;
    this.buffer[at + 3] = byteLength >>> 8;
    this.buffer[at + 4] = byteLength;
  }
}
