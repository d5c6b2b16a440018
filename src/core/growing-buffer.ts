/** Memory that is written from its beginning on, and grows as what extends it writes. */
export abstract class GrowingBuffer {
  protected buffer: Buffer;
  /** Bytes written. */
  protected length: number;

  /** @param length of what comes first and is only known in the end */
  protected constructor(initialBytes: number, length = 0) {
    this.buffer = Buffer.allocUnsafe(initialBytes);
    this.length = length;
  }

  /** Makes room for so many bytes more. */
  protected reserve(byteLength: number): void {
    const needed = this.length + byteLength;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}
