import { cancelled } from "../holdfast-error.js";

/** Those who want to hear that something changed. */
export class Listeners {
  readonly #listeners = new Set<() => void>();

  /** Calls back on each change, until the answer is called. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Resolves at the next change, or when the signal fires; with `strict` it then throws CANCELLED. */
  next(signal?: AbortSignal, strict = false): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        remove();
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        remove();
        if (strict) reject(cancelled(signal as AbortSignal));
        else resolve();
      };
      const remove = this.add(done);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
