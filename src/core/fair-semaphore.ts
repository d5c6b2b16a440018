import { TurnQueue } from "./turn-queue.js";

/** Who asks for a permit. */
export interface PermitOwner {
  readonly tenantId: string;
  /** Names one of the tenant's connections. */
  readonly connection: string;
}

/** Counts what may be under way at once. Those who come later wait: tenants take turns, and so do connections of one. */
export class FairSemaphore {
  #free: number;
  /** In the order of their turns. */
  readonly #tenants = new Map<string, TurnQueue<() => void>>();

  constructor(permits: number) {
    this.#free = permits;
  }

  /** How many wait. */
  get waiting(): number {
    let waiting = 0;
    for (const queue of this.#tenants.values()) waiting += queue.size;
    return waiting;
  }

  /**
   * Resolves with a permit, and `release` must follow.
   *
   * @throws the signal's reason when it aborts before there is a permit; then none is held
   */
  async acquire({ tenantId, connection }: PermitOwner, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const queue = this.#tenants.get(tenantId) ?? new TurnQueue();
      const grant = () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        queue.delete(connection, grant);
        if (queue.size === 0) this.#tenants.delete(tenantId);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#tenants.set(tenantId, queue);
      queue.add(connection, grant);
    });
  }

  release(): void {
    const [tenantId, queue] = this.#tenants.entries().next().value ?? [];
    const next = queue?.take();
    if (tenantId === undefined || !queue || !next) {
      this.#free += 1;
      return;
    }
    this.#tenants.delete(tenantId);
    // Behind all others that wait.
    if (queue.size > 0) this.#tenants.set(tenantId, queue);
    next();
  }
}
