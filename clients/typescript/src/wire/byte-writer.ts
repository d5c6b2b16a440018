const INITIAL_BYTES = 1024;
// Below this many UTF-16 units a loop over ASCII beats the call into native code.
const SHORT_STRING_UNITS = 40;

/** Writes protobuf's primitives into one growing buffer. What was written can be taken back with {@link truncate}. */
export class ByteWriter {
  #buffer: Buffer;
  #length: number;

  /** `headroom` bytes are left free at the front, for what is only known at the end. */
  constructor(initialBytes = INITIAL_BYTES, headroom = 0) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(initialBytes, headroom));
    this.#length = headroom;
  }

  /** Bytes used, headroom included. */
  get length(): number {
    return this.#length;
  }

  /** A view, not a copy: valid until the next write. */
  view(start = 0, end = this.#length): Buffer {
    return this.#buffer.subarray(start, end);
  }

  truncate(length: number): void {
    this.#length = length;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** An unsigned 32-bit value. */
  varint(value: number): void {
    this.#reserve(5);
    this.#length = putVarint(this.#buffer, this.#length, value);
  }

  /** A signed 32-bit value, sign-extended to ten bytes when negative. */
  int32(value: number): void {
    if (value >= 0) this.varint(value);
    else this.int64(BigInt(value));
  }

  int64(value: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  /** Rounded to the nearest float. */
  float(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeFloatLE(value, this.#length);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  /** Length and bytes. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  /**
   * Length and UTF-8. Answers false, having written nothing, for a lone surrogate: UTF-8 has none, and it
   * would silently become U+FFFD.
   */
  string(value: string): boolean {
    const units = value.length;
    if (units < SHORT_STRING_UNITS && this.#shortAscii(value, units)) return true;
    const length = Buffer.byteLength(value);
    // Asked of text beyond ASCII only, because the question costs more than the write.
    if (length !== units && !(value as string & { isWellFormed(): boolean }).isWellFormed()) return false;
    this.#reserve(length + 5);
    this.#length = putVarint(this.#buffer, this.#length, length);
    this.#length += this.#buffer.write(value, this.#length, length, "utf8");
    return true;
  }

  #shortAscii(value: string, units: number): boolean {
    this.#reserve(units + 1);
    const buffer = this.#buffer;
    let at = this.#length;
    buffer[at++] = units;
    for (let i = 0; i < units; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return false;
      buffer[at++] = unit;
    }
    this.#length = at;
    return true;
  }

  /** Starts a length-delimited value whose length is not known yet; give the answer to {@link join}. */
  fork(): number {
    this.#reserve(2);
    // Two bytes hold lengths of 128 to 16383, which most records have.
    this.#length += 2;
    return this.#length;
  }

  /** Ends what {@link fork} started, and answers its length. */
  join(start: number): number {
    const length = this.#length - start;
    const width =
      length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x200000 ? 3 : length < 0x10000000 ? 4 : 5;
    if (width !== 2) {
      if (width > 2) this.#reserve(width - 2);
      const moved = start - 2 + width;
      this.#buffer.copyWithin(moved, start, this.#length);
      this.#length = moved + length;
    }
    putVarint(this.#buffer, start - 2, length);
    return length;
  }
}

function putVarint(buffer: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 0x7f) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}
