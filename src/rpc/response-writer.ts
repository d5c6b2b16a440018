import { constants, type ServerHttp2Stream } from "node:http2";
import { Metadata, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { AnswerRoom } from "../core/answer-room.js";
import type { HoldfastError } from "../core/errors.js";
import { REQUEST_ID_KEY } from "./request-id.js";
import type { UnreadCall, UnreadCalls } from "./unread-calls.js";

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

export interface ResponseWriterOptions {
  readonly transport: ServerInterceptingCallInterface;
  /** Bytes that may be unsent before the next answer has to wait. */
  readonly bufferBytes: number;
  readonly requestId: string;
  readonly tenantId: string;
  /** Where what is unsent counts. */
  readonly unread: UnreadCalls;
  /** Ends the call, unless it has ended: its client does not read. */
  onUnread(error: HoldfastError): void;
}

/** The answers of a call on their way out, at most a buffer's worth and one message ahead of the reader. */
export class ResponseWriter implements AnswerRoom, UnreadCall {
  readonly #options: ResponseWriterOptions;
  #begun = false;
  #closed = false;
  #unsentBytes = 0;
  #reservedBytes = 0;
  #waiter: Waiter | undefined;
  #failure: Error | undefined;
  hasProgressed = false;
  unreadSinceMs = 0;
  isTold = false;

  constructor(options: ResponseWriterOptions) {
    this.#options = options;
  }

  get tenantId(): string {
    return this.#options.tenantId;
  }

  get connection(): string {
    return this.#options.transport.getPeer();
  }

  get free(): number {
    return this.#options.unread.bytes.free(this.#options.tenantId);
  }

  freed(signal: AbortSignal): Promise<void> {
    return this.#options.unread.bytes.freed(this.#options.tenantId, this.connection, signal);
  }

  reserve(bytes: number): void {
    const wanted = this.#failure || this.#closed ? 0 : bytes;
    this.#count(wanted - this.#reservedBytes);
    this.#reservedBytes = wanted;
  }

  /** Sends a message. Wait for `drained` before the next one. Throws after `fail`. */
  write(bytes: Buffer): void {
    if (this.#failure) throw this.#failure;
    // The client has gone.
    if (this.#closed) return;
    if (!this.#begun) this.#begin();
    // Not `bytes` in the callback: it would be held until it is called, besides the copy that grpc-js makes.
    const { byteLength } = bytes;
    this.#count(byteLength - this.#reservedBytes);
    this.#reservedBytes = 0;
    if (this.#unsentBytes === 0) {
      this.hasProgressed = true;
      this.#options.unread.add(this);
    }
    this.#unsentBytes += byteLength;
    this.#options.transport.sendMessage(bytes, () => this.#sent(byteLength));
  }

  /**
   * Resolves when there is room for the next message, and rejects after `fail`; undefined if there is room now. One
   * writer at a time.
   */
  drained(): Promise<void> | undefined {
    if (this.#unsentBytes <= this.#options.bufferBytes) return undefined;
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** Nobody will read any more. grpc-js never reports messages of a cancelled call as sent, so waiters are told here. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.reserve(0);
    this.#waiter?.reject(error);
    this.#waiter = undefined;
  }

  /** The stream is over: what was unsent is sent or gone. */
  close(): void {
    if (this.#closed) return;
    this.reserve(0);
    this.#closed = true;
    this.#count(-this.#unsentBytes);
    this.#unsentBytes = 0;
    this.#options.unread.delete(this);
  }

  tell(error: HoldfastError): void {
    this.isTold = true;
    this.#options.onUnread(error);
  }

  reset(): void {
    const { stream } = this.#options.transport as unknown as { readonly stream: ServerHttp2Stream };
    // Clients take REFUSED_STREAM for UNAVAILABLE, which they retry.
    if (!stream.closed) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    // Closing alone keeps what is unsent as long as the connection takes nothing.
    stream.destroy();
  }

  #begin(): void {
    this.#begun = true;
    const metadata = new Metadata();
    metadata.set(REQUEST_ID_KEY, this.#options.requestId);
    this.#options.transport.sendMetadata(metadata);
  }

  #sent(bytes: number): void {
    if (this.#closed) return;
    this.#unsentBytes -= bytes;
    this.#count(-bytes);
    this.hasProgressed = true;
    if (this.#unsentBytes === 0) this.#options.unread.delete(this);
    if (this.#unsentBytes > this.#options.bufferBytes) return;
    this.#waiter?.resolve();
    this.#waiter = undefined;
  }

  #count(bytes: number): void {
    const { unread, tenantId } = this.#options;
    if (bytes > 0) unread.bytes.add(tenantId, bytes);
    else if (bytes < 0) unread.bytes.remove(tenantId, -bytes);
  }
}
