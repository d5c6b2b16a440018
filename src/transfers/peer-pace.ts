import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

/** Bytes that a peer moves at least in the time it is given: in two minutes 2 KiB/s, less than any network gives. */
export const MIN_PACE_BYTES = 256 * 1024;

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

  /** @param limitMs for MIN_PACE_BYTES  @param onSlow is told once when they did not come in time */
  constructor(limitMs: number, onSlow: (error: HoldfastError) => void) {
    this.#limitMs = limitMs;
    this.#remainingMs = limitMs;
    this.#onSlow = onSlow;
  }

  /** It is the peer's turn, until `moved`. */
  wait(): void {
    this.#sinceMs = performance.now();
    this.#timer = setTimeout(() => this.#onSlow(this.#tooSlow()), Math.max(0, this.#remainingMs));
  }

  /** The peer took or sent so many bytes. */
  moved(bytes: number): void {
    this.close();
    this.#remainingMs -= performance.now() - this.#sinceMs;
    this.#bytes += bytes;
    if (this.#bytes < MIN_PACE_BYTES) return;
    this.#remainingMs = this.#limitMs;
    this.#bytes = 0;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tooSlow(): HoldfastError {
    const message =
      `too slow: expected the caller to send or take ${MIN_PACE_BYTES} bytes ` +
      `within ${this.#limitMs} ms of waiting for it, got ${this.#bytes}`;
    const metadata = { limit: String(MIN_PACE_BYTES), actual: String(this.#bytes) };
    return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, { metadata });
  }
}
