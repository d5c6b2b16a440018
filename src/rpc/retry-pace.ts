/** Milliseconds. What is in flight is done long before; clients add jitter of their own. */
const SHORTEST_MS = 50;
/** Milliseconds. Whoever waits longer would not notice for as long that there is room again. */
const LONGEST_MS = 1600;
/** Milliseconds after which it is asked whether the delay helped: callers told the last one have mostly come back. */
const LOOK_EVERY_MS = 200;

/**
 * How long refused callers are told to wait: twice as long while more are refused than admitted, half as long again
 * when fewer are. So those who do as they are told come back about as fast as they can be served.
 */
export class RetryPace {
  readonly #now: () => number;
  #delayMs = SHORTEST_MS;
  #since: number;
  #refused = 0;
  #admitted = 0;

  /** @param now milliseconds of a clock that does not go back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  admitted(): void {
    this.#admitted += 1;
  }

  /** One more is refused; in how many milliseconds it may come again, one of few values. */
  refused(): number {
    this.#refused += 1;
    const now = this.#now();
    if (now - this.#since >= LOOK_EVERY_MS) {
      const longer = this.#refused > this.#admitted;
      this.#delayMs = longer
        ? Math.min(LONGEST_MS, this.#delayMs * 2)
        : Math.max(SHORTEST_MS, this.#delayMs / 2);
      this.#since = now;
      this.#refused = 0;
      this.#admitted = 0;
    }
    return this.#delayMs;
  }
}
