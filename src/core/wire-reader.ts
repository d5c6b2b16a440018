import { isUtf8 } from "node:buffer";

/** Up to this length looking at each byte beats asking the engine. */
const MAX_SHORT_LENGTH = 64;
/** Seven bits each: what a number holds exactly, and more than any length, count or time after 1970 takes. */
const MAX_VARINT_BYTES = 7;

/**
 * Reads protobuf's primitives from the front of a message to its end. It knows
 * the usual forms alone: for whatever else, well-formed or not, a method answers -1 or undefined, and
 * whoever reads has the general decoder look at the message.
 */
export class WireReader {
  readonly bytes: Buffer;
  at: number;
  end: number;
  /** Elements of lists and maps found so far, for whoever limits them. */
  elements = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.end = bytes.byteLength;
  }

  /** A number from 0 to 2^49 - 1. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.at >= this.end) return -1;
      const byte = this.bytes[this.at++] as number;
      if (byte < 0x80) return value + byte * factor;
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
    }
    return -1;
  }

  /** Where a value that is preceded by its length ends; it begins at `at`. */
  delimited(): number {
    const length = this.varint();
    return length < 0 || length > this.end - this.at ? -1 : this.at + length;
  }

  double(): number | undefined {
    if (this.end - this.at < 8) return undefined;
    this.at += 8;
    return this.bytes.readDoubleLE(this.at - 8);
  }

  /** The bytes up to there, sharing their memory. */
  view(end: number): Buffer {
    const from = this.at;
    this.at = end;
    return this.bytes.subarray(from, end);
  }

  /** The text up to there; undefined if it is no UTF-8. */
  text(end: number): string | undefined {
    const from = this.at;
    this.at = end;
    if (end - from <= MAX_SHORT_LENGTH) {
      let at = from;
      while (at < end && (this.bytes[at] as number) < 0x80) at += 1;
      if (at === end) return this.bytes.toString("latin1", from, end);
    }
    return isUtf8(this.bytes.subarray(from, end)) ? this.bytes.toString("utf8", from, end) : undefined;
  }
}
