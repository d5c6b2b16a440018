/**
 * Milliseconds of work begun in one go. Whoever is served waits for several rounds of the event loop, so they are
 * short: to be read, for its turn, for what Postgres answers to be read, for its own answer to be written. Four served
 * no more, each call later.
 */
const SLICE_MS = 1;

/**
 * Shares the one thread that serves all. Work is begun at once while there is little of it; beyond a slice it waits
 * in a queue of its owner's, owners are served one after the other, and in between the event loop goes round: what
 * another owner sends meanwhile is read, and its turn is next.
 */
export class FairTurns<Owner = string> {
  readonly #now: () => number;
  /** In the order of their turns. */
  readonly #queues = new Map<Owner, (() => void)[]>();
  #sliceEndsAt = Number.NEGATIVE_INFINITY;
  #isGoingRound = false;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Resolves when work of this owner may begin, in the order asked for; undefined if that is now. */
  next(owner: Owner): Promise<void> | undefined {
    this.#goRound();
    if (this.#queues.size === 0 && this.#now() < this.#sliceEndsAt) return undefined;
    return new Promise((resolve) => {
      const queue = this.#queues.get(owner);
      if (queue) queue.push(resolve);
      else this.#queues.set(owner, [resolve]);
      this.#beginOneLater();
    });
  }

  /** A slice ends with the round of the event loop that it began in. */
  #goRound(): void {
    if (this.#isGoingRound) return;
    this.#isGoingRound = true;
    this.#sliceEndsAt = this.#now() + SLICE_MS;
    setImmediate(() => {
      this.#isGoingRound = false;
    });
  }

  // One for each that waits: only between immediates does what has begun go on, so that the time it takes is seen.
  #beginOneLater(): void {
    setImmediate(() => {
      this.#goRound();
      if (this.#now() < this.#sliceEndsAt) this.#beginOne();
      else this.#beginOneLater();
    });
  }

  #beginOne(): void {
    const [owner, queue] = this.#queues.entries().next().value ?? [];
    if (owner === undefined || !queue) return;
    this.#queues.delete(owner);
    const begin = queue.shift();
    if (queue.length > 0) this.#queues.set(owner, queue);
    begin?.();
  }
}
