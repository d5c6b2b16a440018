import { InterceptingCall, type Interceptor } from "@grpc/grpc-js";

// One message in the consumer's hands and the next on its way.
const MESSAGES_AHEAD = 2;

/**
 * Lets a stream read as fast as its consumer asks. Without it grpc-js reads sixteen messages ahead, whatever
 * their size. What is not read stays in the server behind HTTP/2 flow control.
 */
export class PacedReads {
  #permits = MESSAGES_AHEAD;
  #waiting: (() => void) | undefined;

  /** To be passed to the one call it paces. */
  readonly interceptor: Interceptor = (options, nextCall) => {
    const call = new InterceptingCall(nextCall(options));
    const startRead = call.startRead.bind(call);
    call.startRead = () => {
      if (this.#permits > 0) {
        this.#permits--;
        startRead();
      } else {
        this.#waiting = startRead;
      }
    };
    return call;
  };

  /** The consumer is done with one message. */
  release(): void {
    const startRead = this.#waiting;
    this.#waiting = undefined;
    if (startRead) startRead();
    else this.#permits++;
  }
}
