import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { RetryPace } from "./retry-pace.js";

export interface AdmissionSettings {
  /** Unary calls served at a time while a burst lasts. */
  readonly maxCallsInFlight: number;
  /**
   * Unary calls served at a time for longer than that. More than keep the server busy do not end sooner, they only
   * make each wait longer; so they are refused while refusing costs little.
   */
  readonly steadyCallsInFlight: number;
}

/** One tenant may hold at most one half: the other is for whoever else calls. */
const TENANT_SHARE = 0.5;
/** Milliseconds that more than the steady number may be there: a burst is worked off by then, a flood is not. */
const BURST_MS = 200;
/** Milliseconds without more than the steady number after which more are a new burst. */
const CALM_MS = 500;

interface Share {
  inFlight: number;
  readonly surge: Surge;
  readonly pace: RetryPace;
}

/**
 * Decides which unary calls are served now. Streams are not its business: they are slowed by flow control, and
 * live too long to be counted.
 */
export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #now: () => number;
  readonly #byTenant = new Map<string, Share>();
  readonly #refusals = new Map<string, HoldfastError>();
  readonly #surge: Surge;
  #total = 0;

  /** @param now milliseconds of a clock that does not go back */
  constructor(settings: AdmissionSettings, now: () => number = () => performance.now()) {
    this.#settings = settings;
    this.#now = now;
    this.#surge = new Surge(now);
  }

  /**
   * Lets a call of this tenant in, and `leave` must follow; or answers why not: OVERLOADED, with how long to wait.
   * The same error each time, for whoever prepares what is sent for it.
   */
  enter(tenantId: string): HoldfastError | undefined {
    let share = this.#byTenant.get(tenantId);
    if (!share) share = { inFlight: 0, surge: new Surge(this.#now), pace: new RetryPace(this.#now) };
    const ofServer = this.#limit(1, this.#total, this.#surge);
    const ofTenant = this.#limit(TENANT_SHARE, share.inFlight, share.surge);
    const isFull = this.#total >= this.#settings.maxCallsInFlight;
    // Whoever has less than an equal part is not who there are too many of.
    if (isFull || (this.#total >= ofServer && share.inFlight * this.#byTenant.size >= ofServer)) {
      return this.#refusal("this server serves", ofServer, share.pace.refused());
    }
    if (share.inFlight >= ofTenant) return this.#refusal("this tenant has", ofTenant, share.pace.refused());
    share.pace.admitted();
    share.inFlight += 1;
    this.#total += 1;
    this.#byTenant.set(tenantId, share);
    return undefined;
  }

  leave(tenantId: string): void {
    const share = this.#byTenant.get(tenantId);
    if (!share) throw new Error("a call left that had not entered");
    share.inFlight -= 1;
    this.#total -= 1;
    if (share.inFlight === 0) this.#byTenant.delete(tenantId);
  }

  /** How many of those who share so much may be there now. */
  #limit(part: number, inFlight: number, surge: Surge): number {
    const { maxCallsInFlight, steadyCallsInFlight } = this.#settings;
    const steady = Math.ceil(steadyCallsInFlight * part);
    const most = Math.ceil(maxCallsInFlight * part);
    return inFlight >= steady && surge.isBurst() ? most : Math.min(steady, most);
  }

  #refusal(who: string, most: number, retryAfterMs: number): HoldfastError {
    const key = `${who} ${most} ${retryAfterMs}`;
    let refusal = this.#refusals.get(key);
    if (!refusal) {
      const message = `${who} ${most} calls at a time, at most ${most} may be`;
      const metadata = { limit: String(most) };
      refusal = new HoldfastError(ErrorReason.OVERLOADED, message, { retryAfterMs, metadata });
      this.#refusals.set(key, refusal);
    }
    return refusal;
  }
}

/** Since when there is more than the steady number. */
class Surge {
  readonly #now: () => number;
  #since = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether more, asked for at this moment, is still a burst. */
  isBurst(): boolean {
    const now = this.#now();
    if (now - this.#last > CALM_MS) this.#since = now;
    this.#last = now;
    return now - this.#since <= BURST_MS;
  }
}
