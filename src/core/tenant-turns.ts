import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "./errors.js";

export interface TurnLimits {
  /** Of all tenants at a time. */
  readonly running: number;
  /** Of one tenant at a time; the rest wait. */
  readonly runningPerTenant: number;
  /** Of one tenant; more are refused. */
  readonly waitingPerTenant: number;
}

interface Tenant {
  running: number;
  readonly waiting: { begin(): void }[];
}

/** By then some of what runs is over. */
const RETRY_MS = 500;

/** Who may do something costly now: a few at a time, tenants in turn. */
export class TenantTurns {
  readonly #limits: TurnLimits;
  readonly #what: string;
  /** In the order of their turns. */
  readonly #tenants = new Map<string, Tenant>();
  #running = 0;

  /** @param what is waited for, for the error: "tasks" */
  constructor(limits: TurnLimits, what: string) {
    this.#limits = limits;
    this.#what = what;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    let waiting = 0;
    for (const tenant of this.#tenants.values()) waiting += tenant.waiting.length;
    return waiting;
  }

  /** Does the work when it is this tenant's turn. @throws as `take` does, and what the work throws */
  async run<T>(tenantId: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const endTurn = await this.take(tenantId, signal);
    try {
      return await work();
    } finally {
      endTurn();
    }
  }

  /**
   * Resolves when it is this tenant's turn, with what ends the turn, to be called once.
   *
   * @throws OVERLOADED when too many of the tenant wait, the signal's reason
   */
  async take(tenantId: string, signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted();
    const tenant = this.#tenant(tenantId);
    if (tenant.waiting.length === 0 && this.#mayBegin(tenant)) this.#begin(tenant);
    else await this.#wait(tenantId, tenant, signal);
    return () => {
      tenant.running -= 1;
      this.#running -= 1;
      this.#leave(tenantId, tenant);
      this.#beginNext();
    };
  }

  #wait(tenantId: string, tenant: Tenant, signal: AbortSignal | undefined): Promise<void> {
    const most = this.#limits.waitingPerTenant;
    if (tenant.waiting.length >= most) {
      this.#leave(tenantId, tenant);
      const message = `too much work of this tenant is waiting (limit ${most} ${this.#what})`;
      const details = { retryAfterMs: RETRY_MS, metadata: { limit: String(most) } };
      throw new HoldfastError(ErrorReason.OVERLOADED, message, details);
    }
    return new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        tenant.waiting.splice(tenant.waiting.indexOf(waiting), 1);
        this.#leave(tenantId, tenant);
        reject(signal?.reason);
      };
      const waiting = {
        begin: () => {
          signal?.removeEventListener("abort", onAbort);
          this.#begin(tenant);
          resolve();
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      tenant.waiting.push(waiting);
    });
  }

  #tenant(tenantId: string): Tenant {
    let tenant = this.#tenants.get(tenantId);
    if (!tenant) {
      tenant = { running: 0, waiting: [] };
      this.#tenants.set(tenantId, tenant);
    }
    return tenant;
  }

  #leave(tenantId: string, { running, waiting }: Tenant): void {
    if (running === 0 && waiting.length === 0) this.#tenants.delete(tenantId);
  }

  #mayBegin({ running }: Tenant): boolean {
    const limits = this.#limits;
    return running < limits.runningPerTenant && this.#running < limits.running;
  }

  #begin(tenant: Tenant): void {
    tenant.running += 1;
    this.#running += 1;
  }

  #beginNext(): void {
    for (const [id, tenant] of this.#tenants) {
      if (tenant.waiting.length === 0 || !this.#mayBegin(tenant)) continue;
      // Whoever had a turn comes after all others.
      this.#tenants.delete(id);
      this.#tenants.set(id, tenant);
      tenant.waiting.shift()?.begin();
      return;
    }
  }
}
