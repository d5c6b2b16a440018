import { TurnQueue } from "./turn-queue.js";

/** Counts what may be under way at once. Those who come later wait; their owners are served one after the other. */
export class FairSemaphore {
  #free: number;
  readonly #waiting = new TurnQueue<() => void>();

  constructor(permits: number) {
    this.#free = permits;
  }

  async acquire(owner: string): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.add(owner, resolve));
  }

  release(): void {
    const next = this.#waiting.take();
    if (next) next();
    else this.#free += 1;
  }
}
