import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { RetryPace } from "./retry-pace.js";

export interface AdmissionSettings {
  /** Unary calls served at a time. Asked for more, there is overload. */
  readonly maxCallsInFlight: number;
  /**
   * Unary calls served at a time during overload. More than keep the server busy do not end sooner, they only make
   * each wait longer.
   */
  readonly overloadedCallsInFlight: number;
}

/** One tenant may hold at most one half: the other is for whoever else calls. */
const TENANT_SHARE = 0.5;
/** Milliseconds after the last refusal at which overload is over. */
const CALM_MS = 500;

interface Share {
  inFlight: number;
  readonly limit: Limit;
  readonly pace: RetryPace;
}

/**
 * Decides which unary calls are served now. Streams are not its business: they are slowed by flow control, and
 * live too long to be counted.
 */
export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #what: string;
  readonly #now: () => number;
  readonly #byTenant = new Map<string, Share>();
  readonly #refusals = new Map<string, HoldfastError>();
  readonly #limit: Limit;
  #total = 0;
  /** How many of those nothing is done for yet. */
  #paused = 0;

  /**
   * @param what is admitted, in the plural, for whoever is refused
   * @param now milliseconds of a clock that does not go back
   */
  constructor(settings: AdmissionSettings, what = "calls", now: () => number = () => performance.now()) {
    this.#settings = settings;
    this.#what = what;
    this.#now = now;
    this.#limit = new Limit(settings, 1, now);
  }

  /**
   * Lets a call of this tenant in, and `leave` must follow; or answers why not: OVERLOADED, with how long to wait.
   * The same error each time, for whoever prepares what is sent for it.
   */
  enter(tenantId: string): HoldfastError | undefined {
    const share = this.#byTenant.get(tenantId) ?? this.#newShare();
    const ofServer = this.#limit.beyond(this.#total);
    const ofTenant = share.limit.beyond(share.inFlight);
    const isFull = this.#isFull();
    // Whoever has less than an equal part is not who there are too many of.
    if (isFull || (this.#total >= ofServer && share.inFlight * this.#byTenant.size >= ofServer)) {
      this.#limit.exceeded();
      return this.#refusal(this.#what, ofServer, share.pace.refused());
    }
    if (share.inFlight >= ofTenant) {
      share.limit.exceeded();
      return this.#refusal(`${this.#what} of this tenant`, ofTenant, share.pace.refused());
    }
    this.#count(tenantId, share);
    return undefined;
  }

  /**
   * Lets a call in that had been in and left until its message came; as `enter`. It is not held to less during
   * overload: its message was received and its caller waits for the answer.
   */
  enterAgain(tenantId: string): HoldfastError | undefined {
    const share = this.#byTenant.get(tenantId) ?? this.#newShare();
    if (this.#isFull()) {
      return this.#refusal(this.#what, this.#limit.most, share.pace.refused());
    }
    if (share.inFlight >= share.limit.most) {
      return this.#refusal(`${this.#what} of this tenant`, share.limit.most, share.pace.refused());
    }
    this.#count(tenantId, share);
    return undefined;
  }

  /**
   * Nothing is done for a call that is in: its message has not come, or others go first. So long it does not fill the
   * server: whoever only has many calls open must not keep others out.
   */
  pause(): void {
    this.#paused += 1;
  }

  /** A call that was paused goes on, or is about to leave. */
  resume(): void {
    this.#paused -= 1;
  }

  leave(tenantId: string): void {
    const share = this.#byTenant.get(tenantId);
    if (!share) throw new Error("a call left that had not entered");
    share.inFlight -= 1;
    this.#total -= 1;
    if (share.inFlight === 0) this.#byTenant.delete(tenantId);
  }

  #isFull(): boolean {
    return this.#total - this.#paused >= this.#limit.most;
  }

  #count(tenantId: string, share: Share): void {
    share.pace.admitted();
    share.inFlight += 1;
    this.#total += 1;
    this.#byTenant.set(tenantId, share);
  }

  #newShare(): Share {
    const limit = new Limit(this.#settings, TENANT_SHARE, this.#now);
    return { inFlight: 0, limit, pace: new RetryPace(this.#now) };
  }

  #refusal(what: string, most: number, retryAfterMs: number): HoldfastError {
    const key = `${what} ${most} ${retryAfterMs}`;
    let refusal = this.#refusals.get(key);
    if (!refusal) {
      const message = `this server serves at most ${most} ${what} at a time, more were made`;
      const metadata = { limit: String(most) };
      refusal = new HoldfastError(ErrorReason.OVERLOADED, message, { retryAfterMs, metadata });
      this.#refusals.set(key, refusal);
    }
    return refusal;
  }
}

/**
 * How many calls may be served at a time. Callers that wait for each answer are served as many as they are, up to the
 * most; a flood always asks for more than that, and would have all of it wait.
 */
class Limit {
  readonly most: number;
  readonly #overloaded: number;
  readonly #now: () => number;
  #overloadedUntil = Number.NEGATIVE_INFINITY;

  constructor(settings: AdmissionSettings, part: number, now: () => number) {
    this.most = Math.ceil(settings.maxCallsInFlight * part);
    this.#overloaded = Math.min(this.most, Math.ceil(settings.overloadedCallsInFlight * part));
    this.#now = now;
  }

  /** How many there may be now, when one more is asked for beside so many. */
  beyond(inFlight: number): number {
    return inFlight >= this.#overloaded && this.#now() < this.#overloadedUntil ? this.#overloaded : this.most;
  }

  /** More were asked for than there may be. */
  exceeded(): void {
    this.#overloadedUntil = this.#now() + CALM_MS;
  }
}
