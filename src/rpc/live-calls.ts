import type { HoldfastError } from "../core/errors.js";
import type { Call } from "./call.js";

/** The calls of a server whose handlers are still at work. */
export class LiveCalls {
  readonly #calls = new Set<Call>();
  #idleListeners: (() => void)[] = [];

  add(call: Call): void {
    this.#calls.add(call);
  }

  delete(call: Call): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0) return;
    for (const listener of this.#idleListeners.splice(0)) listener();
  }

  /** Ends every call with this error. */
  abort(error: HoldfastError): void {
    for (const call of [...this.#calls]) call.abort(error);
  }

  /** Resolves when no handler is at work. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }
}
