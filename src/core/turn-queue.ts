/** What waits, by owner: owners take turns, and what one of them has added is taken in that order. */
export class TurnQueue<T> {
  /** Of each owner that has some, in the order of their turns. */
  readonly #queues = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an item, which must not be there yet. */
  add(owner: string, item: T): void {
    const queue = this.#queues.get(owner);
    if (queue) queue.add(item);
    else this.#queues.set(owner, new Set([item]));
    this.#size += 1;
  }

  /** Takes the first item of the owner whose turn it is; undefined if there is none. */
  take(): T | undefined {
    const [owner, queue] = this.#queues.entries().next().value ?? [];
    if (owner === undefined || !queue) return undefined;
    const [item] = queue;
    this.#queues.delete(owner);
    queue.delete(item as T);
    // Behind all others that wait.
    if (queue.size > 0) this.#queues.set(owner, queue);
    this.#size -= 1;
    return item;
  }

  /** Removes an item, if it is there. */
  delete(owner: string, item: T): void {
    const queue = this.#queues.get(owner);
    if (!queue?.delete(item)) return;
    if (queue.size === 0) this.#queues.delete(owner);
    this.#size -= 1;
  }
}
