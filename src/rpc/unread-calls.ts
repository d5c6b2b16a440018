import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { UnsentBytes, type UnsentBytesSettings } from "./unsent-bytes.js";

export interface UnreadCallsSettings extends UnsentBytesSettings {
  /** Milliseconds without progress after which a call is ended while its tenant has no room for answers. */
  readonly stalledReaderMs: number;
  /** Milliseconds without progress after which a call is ended in any case. */
  readonly unreadTimeoutMs: number;
}

/** A call whose client has not read all that was sent. */
export interface UnreadCall {
  readonly tenantId: string;
  /** Whether something was read, or the first was sent, since the last look. */
  hasProgressed: boolean;
  /** When the last look found progress. */
  unreadSinceMs: number;
  /** Tells the client, behind what it has not read, that the call ends since it does not read. */
  tell(error: HoldfastError): void;
  /** Whether the client was told. */
  readonly isTold: boolean;
  /** Ends the stream without waiting for its reader, and lets go of what is unsent. */
  reset(): void;
}

/** Why a call was ended: its tenant had no room, or its client did not read for too long. */
export type UnreadEnd = "no_room" | "timeout";

/** Milliseconds between two looks at the calls: by so much later is one ended. */
const LOOK_EVERY_MS = 1000;
/** Milliseconds after which a call that was ended may be made again: others of its tenant have had the room by then. */
const RETRY_AFTER_MS = 1000;

/**
 * The calls whose clients have not read all that was sent, with the time since each has made progress. A client that
 * reads nothing for too long is told so; if it does not read that either, its stream is reset.
 */
export class UnreadCalls {
  readonly bytes: UnsentBytes;
  readonly #settings: UnreadCallsSettings;
  readonly #onEnd: (end: UnreadEnd) => void;
  readonly #now: () => number;
  readonly #calls = new Set<UnreadCall>();
  readonly #timer: NodeJS.Timeout;

  /**
   * @param onEnd told of each call that is ended
   * @param now milliseconds of a clock that does not go back
   */
  constructor(
    settings: UnreadCallsSettings,
    onEnd: (end: UnreadEnd) => void,
    now: () => number = () => performance.now(),
  ) {
    this.bytes = new UnsentBytes(settings);
    this.#settings = settings;
    this.#onEnd = onEnd;
    this.#now = now;
    const everyMs = Math.max(1, Math.min(LOOK_EVERY_MS, settings.stalledReaderMs, settings.unreadTimeoutMs));
    this.#timer = setInterval(() => this.look(), everyMs).unref();
  }

  get size(): number {
    return this.#calls.size;
  }

  /** A call has something unsent. */
  add(call: UnreadCall): void {
    this.#calls.add(call);
  }

  /** Its client has read all of it, or has gone. */
  delete(call: UnreadCall): void {
    this.#calls.delete(call);
  }

  /** Ends the calls that have made no progress for too long. */
  look(): void {
    const nowMs = this.#now();
    for (const call of [...this.#calls]) {
      if (call.hasProgressed) {
        // The clock is asked here, not for each message: that would cost more than all the rest.
        call.hasProgressed = false;
        call.unreadSinceMs = nowMs;
      } else if (call.isTold) call.reset();
      else this.#endIfStalled(call, nowMs - call.unreadSinceMs);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #endIfStalled(call: UnreadCall, unreadMs: number): void {
    const { unreadTimeoutMs, stalledReaderMs } = this.#settings;
    const isTimeout = unreadMs >= unreadTimeoutMs;
    if (!isTimeout && (unreadMs < stalledReaderMs || this.bytes.free(call.tenantId) > 0)) return;
    const end = isTimeout ? "timeout" : "no_room";
    this.#onEnd(end);
    call.tell(this.#error(end));
  }

  #error(end: UnreadEnd): HoldfastError {
    const { unreadTimeoutMs, stalledReaderMs, maxTenantUnsentBytes } = this.#settings;
    const why =
      end === "timeout"
        ? `nothing of the answer was read for ${unreadTimeoutMs} ms`
        : `nothing of the answer was read for ${stalledReaderMs} ms while the unread answers of this tenant ` +
          `were at their limit, at most ${maxTenantUnsentBytes} bytes`;
    return new HoldfastError(
      ErrorReason.OVERLOADED,
      `${why}; call again, and resume a subscription after the last position received`,
      { retryAfterMs: RETRY_AFTER_MS },
    );
  }
}
