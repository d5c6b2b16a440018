import { on, once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Address } from "../src/rpc/bind.js";
import { PREFACE } from "./raw-bytes.js";

/** Types of HTTP/2 frames (RFC 9113, section 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames. */
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;

/** Bytes before the payload of a frame. */
const FRAME_HEADER_BYTES = 9;
/** Bytes written at once: a flood fills the socket, not the memory of the test. */
const CHUNK_BYTES = 256 * 1024;

/** One frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + payload.byteLength);
  bytes.writeUIntBE(payload.byteLength, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** A header block of literals that are not indexed, without Huffman coding. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value, "latin1");
    return Buffer.concat([integer(bytes.byteLength), bytes]);
  };
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]),
  );
}

/** A length as HPACK writes it, with a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 0x7f) return Buffer.of(value);
  const bytes = [0x7f];
  let rest = value - 0x7f;
  for (; rest >= 0x80; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

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

  /** Resolves with the payload of the next frame of this type and these flags. @throws when the connection ends first */
  async receives(type: number, flags: number): Promise<Buffer> {
    let bytes = Buffer.alloc(0);
    for await (const [chunk] of on(this.#socket, "data", { close: ["close"] })) {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.byteLength >= FRAME_HEADER_BYTES) {
        const end = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
        if (bytes.byteLength < end) break;
        if (bytes[3] === type && bytes[4] === flags) return bytes.subarray(FRAME_HEADER_BYTES, end);
        bytes = bytes.subarray(end);
      }
    }
    throw new Error(`expected a frame of type ${type}, the connection was ended`);
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
