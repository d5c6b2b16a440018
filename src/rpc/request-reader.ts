import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

interface PendingRead {
  resolve(bytes: Uint8Array | undefined): void;
  reject(error: Error): void;
}

/**
 * The messages of a call as they came, pulled one at a time: nothing is read from the connection that
 * nobody asked for, so a handler that pauses makes HTTP/2 flow control pause the client.
 */
export class RequestReader {
  readonly #transport: ServerInterceptingCallInterface;
  readonly #takesStream: boolean;
  #pending: PendingRead | undefined;
  #ended = false;
  #failure: Error | undefined;

  /** @param takesStream whether the method takes any number of messages, not one */
  constructor(transport: ServerInterceptingCallInterface, takesStream: boolean) {
    this.#transport = transport;
    this.#takesStream = takesStream;
  }

  /** The next message, or undefined when the client has sent its last. One read at a time. Rejects after `fail`. */
  next(): Promise<Uint8Array | undefined> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#transport.startRead();
    });
  }

  /** The one message of a call that takes one, the client having finished sending. */
  async single(): Promise<Uint8Array> {
    const first = await this.next();
    if (first === undefined) throw wrongCount("none");
    if ((await this.next()) !== undefined) throw wrongCount("more");
    return first;
  }

  /** A message came. */
  push(bytes: Uint8Array): void {
    this.#take()?.resolve(bytes);
  }

  /** The client has sent its last message. */
  end(): void {
    // A Node client cancels by ending its messages and resetting the stream in one packet. The end of a stream is told
    // a turn of the event loop later, so that the reset overtakes it and no handler takes a cancelled stream for a
    // complete one. With one message there is nothing to mistake, and the turn would be latency.
    if (this.#takesStream) setImmediate(() => this.#end());
    else this.#end();
  }

  /** There is nothing more to read: reads from now on, and the one that waits, reject. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#take()?.reject(error);
  }

  #end(): void {
    this.#ended = true;
    this.#take()?.resolve(undefined);
  }

  #take(): PendingRead | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }
}

function wrongCount(got: string): HoldfastError {
  return new HoldfastError(ErrorReason.MALFORMED_MESSAGE, `expected one request message, got ${got}`);
}
