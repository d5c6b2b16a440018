import type { CallOptions } from "../call/call-options.js";
import type { HoldfastError } from "../holdfast-error.js";

/** A place in a log: everything up to and including `position` is behind it. */
export interface Cursor {
  readonly position: bigint;
  /** Which log. With it the server refuses a position of another tenant or database. */
  readonly logId: string;
}

/** How to follow. */
export interface FollowOptions extends Omit<CallOptions, "deadlineMs"> {
  /** Told when the stream is interrupted, and when the next attempt is. For logs. */
  readonly onInterrupted?: ((error: HoldfastError, delayMs: number) => void) | undefined;
}
