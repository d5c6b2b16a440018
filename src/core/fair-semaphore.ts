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

  async acquire({ tenantId, connection }: PermitOwner): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => {
      const queue = this.#tenants.get(tenantId) ?? new TurnQueue();
      this.#tenants.set(tenantId, queue);
      queue.add(connection, resolve);
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
