import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import {
  callHeaders,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  frame,
  headerBlock,
} from "../../../fuzz/http2-frames.js";
import { PREFACE } from "../../../fuzz/raw-bytes.js";

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A gRPC client that answers no frame by itself, for what depends on when a client sends or reads what. */
export class FramePeer {
  /** What it was sent, in order. */
  readonly received: Frame[] = [];
  readonly #socket: Socket;
  #read = Buffer.alloc(0);
  #seen = 0;
  #onFrame = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    onTestFinished(() => void socket.destroy());
  }

  static async open(address: string): Promise<FramePeer> {
    const [host = "", port] = address.split(":");
    const socket = connect({ host, port: Number(port) });
    await once(socket, "connect");
    const peer = new FramePeer(socket);
    peer.send([PREFACE, frame(FRAME.settings, 0, 0)]);
    return peer;
  }

  /** Sends frames, all at once. */
  send(frames: Iterable<Buffer>): void {
    this.#socket.write(Buffer.concat([...frames]));
  }

  /** Calls a method with one empty message. */
  call(stream: number, path: string): void {
    this.send([
      frame(FRAME.headers, FLAG.endHeaders, stream, headerBlock(callHeaders(path))),
      frame(FRAME.data, FLAG.endStream, stream, Buffer.alloc(5)),
    ]);
  }

  /** The next frame like this, of those that were not looked at yet. */
  async until(isMeant: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      for (; this.#seen < this.received.length; this.#seen++) {
        const frame = this.received[this.#seen] as Frame;
        if (isMeant(frame)) {
          this.#seen++;
          return frame;
        }
      }
      await new Promise<void>((resolve) => {
        this.#onFrame = resolve;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#read = Buffer.concat([this.#read, chunk]);
    while (this.#read.byteLength >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + this.#read.readUIntBE(0, 3);
      if (this.#read.byteLength < end) break;
      this.received.push({
        type: this.#read.readUInt8(3),
        flags: this.#read.readUInt8(4),
        stream: this.#read.readUInt32BE(5),
        payload: this.#read.subarray(FRAME_HEADER_BYTES, end),
      });
      this.#read = this.#read.subarray(end);
    }
    this.#onFrame();
  }
}
