import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Bytes given to the HTTP parser at a time: about the head of a usual request, at most a dozen of the shortest ones. */
const SLICE_BYTES = 256;

/**
 * A socket that is read a few bytes at a time, with a round of the event loop before each.
 *
 * Node gives its HTTP parser all that came, up to 64 KiB a socket. Those hold 2000 requests, and the parser makes all
 * of them, also when the socket was destroyed at the second. Here the rest of them is dropped.
 */
export class SlicedSocket extends Duplex {
  readonly #socket: Socket;
  #next: NodeJS.Immediate | undefined;
  #isWanted = false;
  #isStopped = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on("readable", () => this.#plan());
    socket.once("end", () => this.push(null));
    socket.on("timeout", () => this.emit("timeout"));
    socket.once("error", (error) => this.destroy(error));
    socket.once("close", () => this.destroy());
  }

  /** Emits "timeout" after so many milliseconds without a byte in either direction; 0 is never. */
  setTimeout(ms: number): this {
    this.#socket.setTimeout(ms);
    return this;
  }

  /** Whether `stopReading` was called. The parser may still give requests that came in the slice before. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** What came and was not given to the parser is dropped, and nothing more is read. */
  stopReading(): void {
    this.#isStopped = true;
    clearImmediate(this.#next);
  }

  /** As of `Socket`: sends what is written, then closes. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  override _read(): void {
    this.#isWanted = true;
    this.#plan();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearImmediate(this.#next);
    this.#socket.destroy();
    done(error);
  }

  #plan(): void {
    if (this.#isWanted && !this.#isStopped) this.#next ??= setImmediate(() => this.#give());
  }

  #give(): void {
    this.#next = undefined;
    const waiting = this.#socket.readableLength;
    // To read where nothing waits is how "readable" and "end" are asked for.
    const slice: Buffer | null = this.#socket.read(waiting > 0 ? Math.min(waiting, SLICE_BYTES) : undefined);
    if (!slice) return;
    this.#isWanted = false;
    this.push(slice);
  }
}
