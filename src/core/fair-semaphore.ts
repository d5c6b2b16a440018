/** Counts what may be under way at once. Those who come later wait; their owners are served one after the other. */
export class FairSemaphore {
  #free: number;
  /** Of each owner that waits, in the order of their turns. */
  readonly #queues = new Map<string, (() => void)[]>();

  constructor(permits: number) {
    this.#free = permits;
  }

  async acquire(owner: string): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => {
      const queue = this.#queues.get(owner);
      if (queue) queue.push(resolve);
      else this.#queues.set(owner, [resolve]);
    });
  }

  release(): void {
    const [owner, queue] = this.#queues.entries().next().value ?? [];
    if (owner === undefined || !queue) {
      this.#free += 1;
      return;
    }
    this.#queues.delete(owner);
    const next = queue.shift();
    // Behind all others that wait.
    if (queue.length > 0) this.#queues.set(owner, queue);
    next?.();
  }
}
