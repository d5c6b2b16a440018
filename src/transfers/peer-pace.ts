import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

/** Bytes that a peer moves at least in the time it is given: in two minutes 2 KiB/s, less than any network gives. */
export const MIN_PACE_BYTES = 256 * 1024;

/**
 * Milliseconds of the peer's time that each message costs at least. Else messages with hardly a byte in them, sent
 * without a pause, would keep a transfer going for ever: the server would never wait.
 */
const MESSAGE_MS = 1;

/**
 * The pace of whoever reads an export or sends an import. Only the time in which the server waits for the peer counts:
 * a transfer that the server or its disk slows down is not ended for it.
 */
export class PeerPace {
  readonly #limitMs: number;
  readonly #onSlow: (error: HoldfastError) => void;
  #remainingMs: number;
  #bytes = 0;
  #sinceMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isTooSlow = false;

  /** @param limitMs for MIN_PACE_BYTES  @param onSlow is told once when they did not come in time */
  constructor(limitMs: number, onSlow: (error: HoldfastError) => void) {
    this.#limitMs = limitMs;
    this.#remainingMs = limitMs;
    this.#onSlow = onSlow;
  }

  /** It is the peer's turn, until `moved`. */
  wait(): void {
    this.#sinceMs = performance.now();
    this.#timer = setTimeout(() => this.#slow(), Math.max(0, this.#remainingMs));
  }

  /** The peer took or sent so many bytes, in one message. */
  moved(bytes: number): void {
    this.close();
    this.#remainingMs -= Math.max(performance.now() - this.#sinceMs, MESSAGE_MS);
    this.#bytes += bytes;
    if (this.#bytes >= MIN_PACE_BYTES) {
      this.#remainingMs = this.#limitMs;
      this.#bytes = 0;
    } else if (this.#remainingMs <= 0) {
      // A timer never comes to it when the next message is there already.
      this.#slow();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #slow(): void {
    if (this.#isTooSlow) return;
    this.#isTooSlow = true;
    this.#onSlow(this.#tooSlow());
  }

  #tooSlow(): HoldfastError {
    const message =
      `too slow: expected the caller to send or take ${MIN_PACE_BYTES} bytes ` +
      `within ${this.#limitMs} ms of waiting for it, at least ${MESSAGE_MS} ms for each message, got ${this.#bytes}`;
    const metadata = { limit: String(MIN_PACE_BYTES), actual: String(this.#bytes) };
    return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, { metadata });
  }
}
