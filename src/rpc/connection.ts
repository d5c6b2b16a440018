import { setMaxListeners } from "node:events";
import type { Http2Session } from "node:http2";
import type { HoldfastError } from "../core/errors.js";

/** One connection of a client. */
export class Connection {
  readonly #session: Http2Session;
  readonly #draining = new AbortController();

  constructor(session: Http2Session) {
    this.#session = session;
    // Every stream of the connection listens to it.
    setMaxListeners(0, this.#draining.signal);
  }

  /** Aborts when the streams of this connection are to move to another one. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /**
   * Sends GOAWAY, then tells the open streams to move. Calls that were begun finish, and the connection closes after the
   * last of them. The GOAWAY names the last call that is served: clients send later ones again on another connection.
   */
  drain(reason: HoldfastError): void {
    // Does nothing if that was done before.
    this.#session.close();
    this.#draining.abort(reason);
  }
}
