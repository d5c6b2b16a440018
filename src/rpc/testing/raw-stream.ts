import { connect, type IncomingHttpHeaders } from "node:http2";
import { onTestFinished } from "vitest";
import { ECHO_TYPE_NAME } from "./echo-service.js";

/** A gRPC call to Echo/Unary over bare HTTP/2, for what no client library sends. */
export interface RawStream {
  /** Sends one length-prefixed message. */
  sendFrame(message: Uint8Array, options?: { readonly compressed?: boolean }): void;
  /** Sends these bytes as they are, in a DATA frame of their own. */
  sendBytes(bytes: Uint8Array): void;
  /** Ends the request and gives the headers and trailers of the answer. */
  close(): Promise<IncomingHttpHeaders>;
  /** Drops the TCP connection without a word. */
  breakConnection(): void;
}

export function openRawStream(address: string, headers: Record<string, string> = {}): RawStream {
  const session = connect(`http://${address}`);
  session.on("error", () => undefined);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": `/${ECHO_TYPE_NAME}/Unary`,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  const received: IncomingHttpHeaders = {};
  stream.on("response", (answer) => Object.assign(received, answer));
  stream.on("trailers", (answer) => Object.assign(received, answer));
  stream.on("error", () => undefined);
  stream.resume();
  return {
    sendFrame(message, { compressed = false } = {}) {
      const prefix = Buffer.alloc(5);
      prefix.writeUInt8(compressed ? 1 : 0, 0);
      prefix.writeUInt32BE(message.byteLength, 1);
      stream.write(Buffer.concat([prefix, message]));
    },
    sendBytes(bytes) {
      stream.write(bytes);
    },
    breakConnection() {
      session.destroy();
    },
    close() {
      stream.end();
      return new Promise((resolve) => stream.on("close", () => resolve(received)));
    },
  };
}
