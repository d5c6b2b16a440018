import { ArchiveError } from "./archive-error.js";

/** Takes so many bytes at a time from a source that comes in chunks of any size. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** @throws ArchiveError truncated if there are fewer */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.#held.byteLength === 0) {
        const { value, done } = await this.#chunks.next();
        if (done)
          throw new ArchiveError("truncated", "the archive ends in the middle: part of it is missing");
        this.#held = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      }
      const part = this.#held.subarray(0, missing);
      this.#held = this.#held.subarray(part.byteLength);
      missing -= part.byteLength;
      parts.push(part);
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, count);
  }

  /** Reads to the end, which is where what was read is found to be whole. */
  async drain(): Promise<void> {
    for (let next = await this.#chunks.next(); !next.done; ) next = await this.#chunks.next();
  }
}
