import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

export interface CallLimitSettings {
  /** What is counted, in the plural: "open streams". */
  readonly what: string;
  /** How many there may be at a time. */
  readonly ofServer: number;
  /** How many of those may be one tenant's. */
  readonly ofTenant: number;
}

/** Milliseconds after which a rejected caller may try again: what is counted here lives for seconds. */
const RETRY_AFTER_MS = 1000;

/** Counts calls in some state, in all and of each tenant, and rejects more than there may be. */
export class CallLimit {
  readonly #settings: CallLimitSettings;
  readonly #byTenant = new Map<string, number>();
  #count = 0;

  constructor(settings: CallLimitSettings) {
    this.#settings = settings;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Counts one more, and `leave` must follow; or answers OVERLOADED and counts nothing. */
  enter(tenantId: string): HoldfastError | undefined {
    const { what, ofServer, ofTenant } = this.#settings;
    if (this.#count >= ofServer) return overloaded("this server", what, ofServer);
    const ofThis = this.#byTenant.get(tenantId) ?? 0;
    if (ofThis >= ofTenant) return overloaded("this tenant", what, ofTenant);
    this.#byTenant.set(tenantId, ofThis + 1);
    this.#count += 1;
    return undefined;
  }

  leave(tenantId: string): void {
    const left = (this.#byTenant.get(tenantId) ?? 0) - 1;
    if (left > 0) this.#byTenant.set(tenantId, left);
    else this.#byTenant.delete(tenantId);
    this.#count -= 1;
  }
}

function overloaded(whose: string, what: string, limit: number): HoldfastError {
  const message = `expected at most ${limit} ${what} of ${whose} at a time, got one more`;
  return new HoldfastError(ErrorReason.OVERLOADED, message, {
    retryAfterMs: RETRY_AFTER_MS,
    metadata: { limit: String(limit) },
  });
}
