import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** How a call ended: its gRPC status, or undefined when its connection or its stream was lost. */
export type Outcome = number | undefined;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const FRAME_HEADER_BYTES = 9;
/** Frame types and flags, RFC 9113 section 6. */
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const HEADER_TABLE_SIZE = 1;
/** What a peer takes before it says otherwise. */
const INITIAL_WINDOW = 65_535;
const MAX_FRAME_BYTES = 16_384;
/** So much may be answered without our saying that it was read. */
const ANSWERS_WINDOW = 2 ** 31 - 1 - INITIAL_WINDOW;
/**
 * `grpc-status` as HPACK has it in its Huffman code, and the length of its one digit. The server is told to index
 * nothing, so that it is found in these bytes whatever was sent before.
 */
const GRPC_STATUS = Buffer.from("889acac8b21234da8f01", "hex");

/** A call that has been made: its message and whom to tell how it ended. */
interface Pending {
  readonly message: Buffer;
  status: Outcome;
  readonly end: (outcome: Outcome) => void;
}

/**
 * Makes unary gRPC calls over one connection at next to no cost: headers are encoded once, answers are read as far as
 * their status alone. A generator of load that took as long for a call as a server does would show its own limits.
 */
export class FrameClient {
  readonly #socket: Socket;
  readonly #headers: Buffer;
  readonly #calls = new Map<number, Pending>();
  /** Streams whose messages wait for the connection's window, in order. */
  readonly #held = new Set<number>();
  #nextStream = 1;
  #window = INITIAL_WINDOW;
  #unread: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, headers: Buffer) {
    this.#socket = socket;
    this.#headers = frame(HEADERS, END_HEADERS, 0, headers);
    socket.setNoDelay();
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      for (const { end } of this.#calls.values()) end(undefined);
      this.#calls.clear();
    });
    const indexNothing = Buffer.from([0, HEADER_TABLE_SIZE, 0, 0, 0, 0]);
    socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, indexNothing)]));
    socket.write(frame(WINDOW_UPDATE, 0, 0, uint32(ANSWERS_WINDOW)));
  }

  /** @param path of the one method it calls */
  static async open(
    { host, port }: { readonly host: string; readonly port: number },
    path: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<FrameClient> {
    const socket = connect({ host, port });
    await once(socket, "connect");
    const headers = {
      ":method": "POST",
      ":scheme": "http",
      ":path": path,
      ":authority": `${host}:${port}`,
      te: "trailers",
      "content-type": "application/grpc",
      ...metadata,
    };
    return new FrameClient(socket, Buffer.concat(Object.entries(headers).flatMap(literal)));
  }

  /** @param message as `framed` made it */
  call(message: Buffer): Promise<Outcome> {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(at(stream, this.#headers));
    return new Promise((end) => {
      const call = { message, status: undefined, end };
      this.#calls.set(stream, call);
      this.#send(stream, call);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(stream: number, call: Pending): void {
    const bytes = call.message.byteLength - FRAME_HEADER_BYTES;
    if (bytes > this.#window) {
      this.#held.add(stream);
      return;
    }
    this.#held.delete(stream);
    this.#window -= bytes;
    this.#socket.write(at(stream, call.message));
  }

  #read(bytes: Buffer): void {
    this.#unread = this.#unread.byteLength === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    for (;;) {
      if (this.#unread.byteLength < FRAME_HEADER_BYTES) return;
      const end = FRAME_HEADER_BYTES + this.#unread.readUIntBE(0, 3);
      if (this.#unread.byteLength < end) return;
      const head = this.#unread;
      const payload = head.subarray(FRAME_HEADER_BYTES, end);
      this.#unread = head.subarray(end);
      this.#receive(head.readUInt8(3), head.readUInt8(4), head.readUInt32BE(5), payload);
    }
  }

  #receive(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === SETTINGS && !(flags & ACK)) this.#socket.write(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
    else if (type === PING && !(flags & ACK)) this.#socket.write(frame(PING, ACK, 0, payload));
    else if (type === WINDOW_UPDATE && stream === 0) this.#widen(payload.readUInt32BE(0));
    const call = this.#calls.get(stream);
    if (!call) return;
    if (type === HEADERS) call.status = statusIn(payload) ?? call.status;
    const isOver = type === RST_STREAM || ((type === HEADERS || type === DATA) && flags & END_STREAM);
    if (!isOver) return;
    this.#calls.delete(stream);
    call.end(call.status);
  }

  #widen(bytes: number): void {
    this.#window += bytes;
    for (const stream of this.#held) {
      const call = this.#calls.get(stream);
      if (call) this.#send(stream, call);
      else this.#held.delete(stream);
      if (this.#held.has(stream)) return;
    }
  }
}

function statusIn(headers: Buffer): number | undefined {
  const at = headers.indexOf(GRPC_STATUS);
  if (at < 0) return undefined;
  // Codes below ten are one character, which no Huffman code makes shorter; all that matter here are.
  return Number(String.fromCharCode(headers.readUInt8(at + GRPC_STATUS.byteLength)));
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The message of one call as the frame that brings it: made once for many calls. At most a frame's size. */
export function framed(message: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from([0]), uint32(message.byteLength), message]);
  if (body.byteLength > MAX_FRAME_BYTES)
    throw new RangeError(`a message of ${message.byteLength} bytes, expected one frame`);
  return frame(DATA, END_STREAM, 0, body);
}

/** A copy of a frame for this stream. */
function at(stream: number, made: Buffer): Buffer {
  const copy = Buffer.from(made);
  copy.writeUInt32BE(stream, 5);
  return copy;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A header that refers to no table, in plain text: RFC 7541 section 6.2.2. Names and values are short. */
function literal([name, value]: readonly [string, string]): Buffer[] {
  return [name, value].flatMap((text, i) => {
    const bytes = Buffer.from(text);
    if (bytes.byteLength > 126) throw new RangeError(`expected a header of at most 126 bytes, got ${text}`);
    return [Buffer.from(i === 0 ? [0, bytes.byteLength] : [bytes.byteLength]), bytes];
  });
}
