import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** Types and flags of HTTP/2 frames, from RFC 9113. */
export const DATA = 0;
export const GOAWAY = 7;
const HEADERS = 1;
const SETTINGS = 4;
const END_STREAM = 1;
const END_HEADERS = 4;
const HEADER_BYTES = 9;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A gRPC client that answers no frame by itself, for what depends on when a client reads what. */
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
    socket.write(PREFACE);
    const peer = new FramePeer(socket);
    peer.#send(SETTINGS, 0, 0);
    return peer;
  }

  #send(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): void {
    const head = Buffer.alloc(HEADER_BYTES);
    head.writeUIntBE(payload.byteLength, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    this.#socket.write(Buffer.concat([head, payload]));
  }

  /** Calls a method with one empty message. */
  call(stream: number, path: string): void {
    const headers = {
      ":method": "POST",
      ":scheme": "http",
      ":path": path,
      ":authority": "test",
      "content-type": "application/grpc",
      te: "trailers",
    };
    // Literals that are not indexed, as HPACK has them for names and values shorter than 127 bytes.
    const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
    const block = Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]);
    this.#send(HEADERS, END_HEADERS, stream, Buffer.concat(block));
    this.#send(DATA, END_STREAM, stream, Buffer.alloc(5));
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
    for (;;) {
      if (this.#read.byteLength < HEADER_BYTES) break;
      const end = HEADER_BYTES + this.#read.readUIntBE(0, 3);
      if (this.#read.byteLength < end) break;
      this.received.push({
        type: this.#read.readUInt8(3),
        flags: this.#read.readUInt8(4),
        stream: this.#read.readUInt32BE(5),
        payload: this.#read.subarray(HEADER_BYTES, end),
      });
      this.#read = this.#read.subarray(end);
    }
    this.#onFrame();
  }
}
