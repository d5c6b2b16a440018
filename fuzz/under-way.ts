/** How long what has ended still counts: a delay of the event loop is logged when it is over. */
const KEPT_MS = 3_000;
/** How long it may stay in the list besides: what is too old is removed in one go, not after each call. */
const FORGET_EACH_MS = 3_000;
/** Of what is told. */
const TOLD = 5;

/** What the fuzzer was doing, so that what the server logs can be told with its likely cause. */
export class UnderWay {
  readonly #now = new Map<object, { readonly what: () => string; readonly since: number }>();
  #ended: { readonly what: () => string; readonly at: number }[] = [];

  /** Does the work, and remembers for a moment that it did. `what` is asked only when somebody wants to know. */
  async during<T>(what: () => string, work: () => Promise<T>): Promise<T> {
    const key = {};
    this.#now.set(key, { what, since: performance.now() });
    try {
      return await work();
    } finally {
      this.#now.delete(key);
      const at = performance.now();
      if (this.#ended[0] && this.#ended[0].at < at - KEPT_MS - FORGET_EACH_MS) this.#forget(at);
      this.#ended.push({ what, at });
    }
  }

  /** The work under way or just ended, the longest first. */
  describe(): string {
    this.#forget(performance.now());
    const now = [...this.#now.values()].sort((a, b) => a.since - b.since);
    const all = [...now, ...this.#ended.toReversed()];
    return all
      .slice(0, TOLD)
      .map(({ what }) => what())
      .join("; ");
  }

  #forget(at: number): void {
    this.#ended = this.#ended.filter((each) => each.at >= at - KEPT_MS);
  }
}
