import { Metadata, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { REQUEST_ID_KEY } from "./request-id.js";

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** The answers of a call on their way out, at most a buffer's worth and one message ahead of the reader. */
export class ResponseWriter {
  readonly #transport: ServerInterceptingCallInterface;
  readonly #bufferBytes: number;
  readonly #requestId: string;
  #begun = false;
  #unsentBytes = 0;
  #waiter: Waiter | undefined;
  #failure: Error | undefined;

  constructor(transport: ServerInterceptingCallInterface, bufferBytes: number, requestId: string) {
    this.#transport = transport;
    this.#bufferBytes = bufferBytes;
    this.#requestId = requestId;
  }

  /**
   * Sends a message. A promise is returned when the reader is behind: wait for it before the next one.
   * It resolves once the buffer has room and rejects after `fail`. One writer at a time.
   */
  write(bytes: Buffer): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure);
    if (!this.#begun) this.#begin();
    this.#unsentBytes += bytes.byteLength;
    this.#transport.sendMessage(bytes, () => this.#sent(bytes.byteLength));
    if (this.#unsentBytes <= this.#bufferBytes) return undefined;
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** Nobody will read any more. grpc-js never reports messages of a cancelled call as sent, so waiters are told here. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#waiter?.reject(error);
    this.#waiter = undefined;
  }

  #begin(): void {
    this.#begun = true;
    const metadata = new Metadata();
    metadata.set(REQUEST_ID_KEY, this.#requestId);
    this.#transport.sendMetadata(metadata);
  }

  #sent(bytes: number): void {
    this.#unsentBytes -= bytes;
    if (this.#unsentBytes > this.#bufferBytes) return;
    this.#waiter?.resolve();
    this.#waiter = undefined;
  }
}
