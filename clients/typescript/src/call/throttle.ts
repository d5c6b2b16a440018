import { HoldfastError, type StatusName } from "../holdfast-error.js";

/**
 * Calls sent for each that was accepted, while some are refused. Twice as many waste little of the server, and find
 * out soon that it takes more again.
 */
const SENT_PER_ACCEPTED = 2;
/** Milliseconds after which a call counts half. */
const HALF_LIFE_MS = 5_000;
/** Milliseconds. A call that was not sent may be tried again after as long as servers tell at least. */
const RETRY_AFTER_MS = 50;
/** Codes of calls to which the server need have said nothing. */
const SILENT: ReadonlySet<StatusName> = new Set(["UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED"]);

/**
 * Keeps calls from a server that refuses most of them as OVERLOADED, and would spend its time on refusing: adaptive
 * throttling, as in "Handling Overload" of the book Site Reliability Engineering.
 */
export class Throttle {
  readonly #now: () => number;
  readonly #random: () => number;
  #calls = 0;
  #accepted = 0;
  #at: number;

  /** @param now milliseconds of a clock that does not go back @param random from 0 to 1 */
  constructor(now: () => number = () => performance.now(), random: () => number = Math.random) {
    this.#now = now;
    this.#random = random;
    this.#at = now();
  }

  /**
   * Sends a call, unless it had better not be sent, the more often the more were refused of late.
   *
   * @throws OVERLOADED for one that is not sent; whatever `send` throws
   */
  async run<T>(send: () => Promise<T>): Promise<T> {
    this.#fade();
    const surplus = this.#calls - SENT_PER_ACCEPTED * this.#accepted;
    if (this.#random() * (this.#calls + 1) < surplus) {
      this.#calls += 1;
      throw notSent();
    }
    try {
      const answer = await send();
      this.#answered(true);
      return answer;
    } catch (error) {
      if (error instanceof HoldfastError && !SILENT.has(error.code)) {
        this.#answered(error.reason !== "OVERLOADED");
      }
      throw error;
    }
  }

  #answered(isAccepted: boolean): void {
    this.#fade();
    this.#calls += 1;
    if (isAccepted) this.#accepted += 1;
  }

  #fade(): void {
    const now = this.#now();
    const share = 0.5 ** ((now - this.#at) / HALF_LIFE_MS);
    this.#calls *= share;
    this.#accepted *= share;
    this.#at = now;
  }
}

function notSent(): HoldfastError {
  return new HoldfastError("not sent: the server is overloaded and refuses most of this client's calls", {
    code: "RESOURCE_EXHAUSTED",
    reason: "OVERLOADED",
    retryAfterMs: RETRY_AFTER_MS,
  });
}
