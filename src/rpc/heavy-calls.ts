export interface HeavyCallsSettings {
  /** Heavy calls worked on at a time. */
  readonly maxHeavyCalls: number;
  /** How many of those may be one tenant's; its others wait. */
  readonly maxHeavyCallsPerTenant: number;
}

interface Tenant {
  running: number;
  readonly waiting: (() => void)[];
}

/**
 * Holds back heavy calls while others are worked on. They wait in the order they came, and tenants take turns: so a
 * tenant with many has neither the thread nor the database's connections to itself.
 */
export class HeavyCalls {
  readonly #settings: HeavyCallsSettings;
  /** In the order of their turns. */
  readonly #tenants = new Map<string, Tenant>();
  #running = 0;
  #waiting = 0;

  constructor(settings: HeavyCallsSettings) {
    this.#settings = settings;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Does the work of one call when it may begin. @throws the signal's reason if nobody waits for it by then */
  async run<T>(tenantId: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const tenant = this.#tenants.get(tenantId) ?? { running: 0, waiting: [] };
    this.#tenants.set(tenantId, tenant);
    if (this.#mayBegin(tenant)) this.#begin(tenant);
    else await this.#turn(tenantId, tenant, signal);
    try {
      return await work();
    } finally {
      tenant.running -= 1;
      this.#running -= 1;
      this.#forget(tenantId, tenant);
      this.#beginNext();
    }
  }

  #mayBegin({ running }: Tenant): boolean {
    const { maxHeavyCalls, maxHeavyCallsPerTenant } = this.#settings;
    return this.#running < maxHeavyCalls && running < maxHeavyCallsPerTenant;
  }

  #begin(tenant: Tenant): void {
    tenant.running += 1;
    this.#running += 1;
  }

  #turn(tenantId: string, tenant: Tenant, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        tenant.waiting.splice(tenant.waiting.indexOf(begin), 1);
        this.#waiting -= 1;
        this.#forget(tenantId, tenant);
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      tenant.waiting.push(begin);
      this.#waiting += 1;
    });
  }

  #beginNext(): void {
    for (const [tenantId, tenant] of this.#tenants) {
      if (!this.#mayBegin(tenant)) continue;
      const begin = tenant.waiting.shift();
      if (!begin) continue;
      this.#waiting -= 1;
      this.#begin(tenant);
      // Its next turn is after those of the others.
      this.#tenants.delete(tenantId);
      this.#tenants.set(tenantId, tenant);
      begin();
      return;
    }
  }

  #forget(tenantId: string, { running, waiting }: Tenant): void {
    if (running === 0 && waiting.length === 0) this.#tenants.delete(tenantId);
  }
}
