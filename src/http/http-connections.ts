import type { ServerResponse } from "node:http";
import type { SlicedSocket } from "./sliced-socket.js";

interface State {
  /** The request that is being answered. */
  answering: ServerResponse | undefined;
  hasAnswered: boolean;
}

/** The open connections of the HTTP port, and which of them goes when there are too many. */
export class HttpConnections {
  readonly #most: number;
  /** In the order of the last answer, or of their coming where there was none. */
  readonly #open = new Map<SlicedSocket, State>();

  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#open.size;
  }

  /** What is answered on a connection now. */
  answering(connection: SlicedSocket): ServerResponse | undefined {
    return this.#open.get(connection)?.answering;
  }

  /**
   * Counts one more until it closes.
   *
   * @returns the one to close in its place when there are too many: one that never sent a whole request goes before
   * one that did, and the oldest first. Those that are being answered stay, so it may be the new one.
   */
  add(connection: SlicedSocket): SlicedSocket | undefined {
    const surplus = this.#open.size < this.#most ? undefined : (this.#silent() ?? connection);
    if (surplus !== connection) this.#open.set(connection, { answering: undefined, hasAnswered: false });
    if (surplus) this.#open.delete(surplus);
    connection.once("close", () => this.#open.delete(connection));
    return surplus;
  }

  /** A request is being answered until its response closes. */
  answer(connection: SlicedSocket, response: ServerResponse): void {
    const state = this.#open.get(connection);
    if (!state) return;
    state.answering = response;
    response.once("close", () => {
      state.answering = undefined;
      state.hasAnswered = true;
      // To the end: it was silent for the shortest time.
      if (this.#open.delete(connection)) this.#open.set(connection, state);
    });
  }

  #silent(): SlicedSocket | undefined {
    let idle: SlicedSocket | undefined;
    for (const [connection, { answering, hasAnswered }] of this.#open) {
      if (answering) continue;
      if (!hasAnswered) return connection;
      idle ??= connection;
    }
    return idle;
  }
}
