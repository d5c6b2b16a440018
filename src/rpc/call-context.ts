import type { Logger } from "pino";
import type { HoldfastError } from "../core/errors.js";
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
  /** Aborts when the server begins to stop: long streams tell their client to move and end. */
  readonly draining: AbortSignal;
  /** The caller's `x-request-id`, or one made here; in every log line and in the answer's metadata. */
  readonly requestId: string;
  /** Bound to the call. Never log a payload. */
  readonly logger: Logger;
  /** Ends the call with this error, whatever its handler is doing, also while it waits for the caller to read. */
  abort(error: HoldfastError): void;
}
