import { type ClientHttp2Session, connect } from "node:http2";
import {
  create,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { onTestFinished } from "vitest";
import type { Address } from "../../src/rpc/bind.js";

/** How a call of which nothing was read has ended. */
export interface SilentEnd {
  /** Of the RST_STREAM frame; 0 when the stream ended in order. */
  readonly rstCode: number;
  /** The gRPC status, if one came without any data before it. */
  readonly status: number | undefined;
}

/** A connection whose HTTP/2 windows are 0 and stay so: the server can send headers on it and no data. */
export class SilentReader {
  readonly #session: ClientHttp2Session;
  readonly #token: string | undefined;

  constructor({ host, port }: Address, token?: string) {
    this.#session = connect(`http://${host}:${port}`, { settings: { initialWindowSize: 0 } });
    this.#session.on("error", () => undefined);
    this.#session.setMaxListeners(0);
    this.#token = token;
    onTestFinished(() => this.close());
  }

  /** Calls a method with one message. Resolves when the server has ended the call, or the connection. */
  call<M extends DescMethod & { readonly input: DescMessage }>(
    method: M,
    request: MessageInitShape<M["input"]>,
  ): Promise<SilentEnd> {
    const message = toBinary(method.input, create(method.input, request));
    const frame = Buffer.alloc(5 + message.byteLength);
    frame.writeUInt32BE(message.byteLength, 1);
    frame.set(message, 5);
    const stream = this.#session.request({
      ":method": "POST",
      ":path": `/${method.parent.typeName}/${method.name}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
    });
    let status: number | undefined;
    stream.on("response", (headers) => {
      if (headers["grpc-status"] !== undefined) status = Number(headers["grpc-status"]);
    });
    stream.on("error", () => undefined);
    stream.resume();
    stream.end(frame);
    return new Promise((resolve) =>
      stream.once("close", () => resolve({ rstCode: stream.rstCode ?? 0, status })),
    );
  }

  close(): void {
    this.#session.destroy();
  }
}
