/** Counts what may be under way at once; those who come later wait their turn. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(permits: number) {
    this.#free = permits;
  }

  async acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }

  /** Lets everyone through, when nobody will release any more. */
  open(): void {
    this.#free = Number.POSITIVE_INFINITY;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
