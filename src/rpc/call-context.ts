import type { Logger } from "pino";
import type { AnswerRoom } from "../core/answer-room.js";
import type { HoldfastError } from "../core/errors.js";
import type { Turn } from "../core/in-turns.js";
import type { Principal } from "../core/principal.js";

/** What a handler knows of the call it serves, beside the request. */
export interface CallContext {
  readonly principal: Principal;
  /**
   * Aborts when nobody waits for the answer any more: the caller cancelled, the deadline passed, or the
   * server's drain timed out. Its reason is a HoldfastError. Never aborts after the handler is done.
   */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, if it said so. */
  readonly deadline: Date | undefined;
  /** Asked for between parts of long work: others have their turn. */
  readonly turn: Turn;
  /**
   * Aborts when the call is to move: the server stops, or its connection has become old. Long streams tell their client
   * so and end. Its reason is a HoldfastError.
   */
  readonly draining: AbortSignal;
  /** Aborts with either of the two; for handlers that end with both. */
  readonly ending: AbortSignal;
  /** Room for answers that their reader has not read. A handler with large answers asks it before it makes the next one. */
  readonly room: AnswerRoom;
  /** The caller's `x-request-id`, or one made here; in every log line and in the answer's metadata. */
  readonly requestId: string;
  /** Bound to the call. Never log a payload. */
  readonly logger: Logger;
  /** Ends the call with this error, whatever its handler is doing, also while it waits for the caller to read. */
  abort(error: HoldfastError): void;
}
