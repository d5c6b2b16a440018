import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

export interface AdmissionSettings {
  /**
   * Unary calls served at a time. Beyond what keeps the server busy more of them only make each wait longer; so they
   * are refused while refusing costs little.
   */
  readonly maxCallsInFlight: number;
}

/** One tenant may hold at most one half: the other is for whoever else calls. */
const TENANT_SHARE = 0.5;
/** Milliseconds. What is in flight is done long before; clients add jitter of their own. */
const RETRY_AFTER_MS = 50;

/**
 * Decides which unary calls are served now. Streams are not its business: they are slowed by flow control, and
 * live too long to be counted.
 */
export class Admission {
  readonly #max: number;
  readonly #maxOfTenant: number;
  readonly #byTenant = new Map<string, number>();
  // Thrown again each time: where refusing costs most of what serving does, refusing leaves no time to serve.
  readonly #serverIsFull: HoldfastError;
  readonly #tenantIsFull: HoldfastError;
  #total = 0;

  constructor({ maxCallsInFlight }: AdmissionSettings) {
    this.#max = maxCallsInFlight;
    this.#maxOfTenant = Math.ceil(maxCallsInFlight * TENANT_SHARE);
    this.#serverIsFull = overloaded("this server serves", this.#max);
    this.#tenantIsFull = overloaded("this tenant has", this.#maxOfTenant);
  }

  /**
   * Lets a call of this tenant in; `leave` must follow.
   *
   * @throws OVERLOADED, with how long to wait, when too many are being served already
   */
  enter(tenantId: string): void {
    const own = this.#byTenant.get(tenantId) ?? 0;
    if (this.#total >= this.#max) throw this.#serverIsFull;
    if (own >= this.#maxOfTenant) throw this.#tenantIsFull;
    this.#total += 1;
    this.#byTenant.set(tenantId, own + 1);
  }

  leave(tenantId: string): void {
    const own = this.#byTenant.get(tenantId) ?? 0;
    this.#total -= 1;
    if (own > 1) this.#byTenant.set(tenantId, own - 1);
    else this.#byTenant.delete(tenantId);
  }
}

function overloaded(who: string, most: number): HoldfastError {
  return new HoldfastError(ErrorReason.OVERLOADED, `${who} ${most} calls at a time, at most ${most} may be`, {
    retryAfterMs: RETRY_AFTER_MS,
    metadata: { limit: String(most) },
  });
}
