import { once } from "node:events";
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from "node:http2";
import type { AbuseTenant } from "./abuse-tenant.js";

/** What a call sends of its request: all, nothing and no end either, or its first bytes. */
export type Sends = "all" | "nothing" | "half";

/** A call made frame by frame, as no gRPC library makes it. */
export interface RawCall {
  /** Its `grpc-status`, "HTTP 400" and so on where there is none, or "lost" when stream or connection were cut. */
  readonly ended: Promise<string>;
  cancel(): void;
}

const PREFIX_BYTES = 5;

/** One connection for such calls. What it is sent it never reads, unless `reads`. */
export class RawCalls {
  readonly #tenant: string;
  readonly #session: ClientHttp2Session;

  private constructor(tenant: string, session: ClientHttp2Session) {
    this.#tenant = tenant;
    this.#session = session;
  }

  static async open({ id, address }: Pick<AbuseTenant, "id" | "address">): Promise<RawCalls> {
    const session = connect(`http://${address.host}:${address.port}`);
    // Each of its calls hears of it too.
    session.on("error", () => undefined);
    await once(session, "connect");
    return new RawCalls(id, session);
  }

  call(
    path: string,
    message: Uint8Array,
    {
      sends = "all",
      reads = true,
      headers = {},
    }: { sends?: Sends; reads?: boolean; headers?: OutgoingHttpHeaders },
  ): RawCall {
    const stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      "holdfast-tenant": this.#tenant,
      ...headers,
    });
    const ended = new Promise<string>((resolve) => {
      stream.on("response", ({ "grpc-status": status, ":status": http }) => {
        if (status !== undefined) resolve(String(status));
        else if (http !== 200) resolve(`HTTP ${http}`);
      });
      stream.on("trailers", ({ "grpc-status": status }) => resolve(String(status)));
      stream.on("error", () => undefined);
      stream.on("close", () => resolve("lost"));
    });
    if (reads) stream.resume();
    const framed = Buffer.alloc(PREFIX_BYTES + message.length);
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, PREFIX_BYTES);
    if (sends === "all") stream.end(framed);
    if (sends === "half") stream.write(framed.subarray(0, PREFIX_BYTES + (message.length >> 1)));
    return { ended, cancel: () => stream.close() };
  }

  /** Resolves when the server has read what was sent until now, or the connection is lost. */
  async seen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#session.once("close", resolve);
      if (this.#session.destroyed || !this.#session.ping(() => resolve())) resolve();
    });
  }

  close(): void {
    this.#session.destroy();
  }
}
