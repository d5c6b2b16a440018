import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Address } from "../src/rpc/bind.js";
import { FRAME, frame } from "./http2-frames.js";
import { PREFACE } from "./raw-bytes.js";

/** Bytes written at once: a flood fills the socket, not the memory of the test. */
const CHUNK_BYTES = 256 * 1024;

/** A client that sends the frames it is told, whatever the server answers. */
export class Http2Peer {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @param reads whether it takes what the server sends */
  static async open({ host, port }: Address, { reads = true } = {}): Promise<Http2Peer> {
    const socket = connect({ host, port });
    await once(socket, "connect");
    socket.on("error", () => undefined);
    if (reads) socket.resume();
    socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
    return new Http2Peer(socket);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /**
   * Sends frames until there are no more, the server ends the connection, or the signal. Resolves with the number of
   * bytes sent.
   */
  async flood(frames: Iterable<Buffer>, signal: AbortSignal): Promise<number> {
    let chunk: Buffer[] = [];
    let length = 0;
    let sent = 0;
    const flush = async () => {
      const bytes = Buffer.concat(chunk);
      chunk = [];
      length = 0;
      sent += bytes.byteLength;
      if (this.isOpen && !this.#socket.write(bytes)) await this.#drained(signal);
    };
    for (const each of frames) {
      if (!this.isOpen || signal.aborted) return sent;
      chunk.push(each);
      length += each.byteLength;
      if (length >= CHUNK_BYTES) await flush();
    }
    await flush();
    return sent;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #drained(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off("drain", done);
        this.#socket.off("close", done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#socket.once("drain", done);
      this.#socket.once("close", done);
      signal.addEventListener("abort", done, { once: true });
      if (!this.isOpen || signal.aborted) done();
    });
  }
}
