import type { CallOptions } from "../call/call-options.js";
import type { HoldfastError } from "../holdfast-error.js";

/** How to follow. */
export interface FollowOptions extends Omit<CallOptions, "deadlineMs"> {
  /** Told when the stream is interrupted, and when the next attempt is. For logs. */
  readonly onInterrupted?: ((error: HoldfastError, delayMs: number) => void) | undefined;
}
