/**
 * Why there is no server to write to. `read-only`: a server answered that takes no writes. `conflicting`: several take
 * writes, and an operator must choose one. `unreachable`: anything else.
 */
export type NoPrimaryReason = "read-only" | "conflicting" | "unreachable";

/**
 * No server of the connection URL is what `target_session_attrs` asks for, or none answers, or it is not clear which one
 * to write to. The message names each server and why it was not used, without user and password.
 */
export class NoPrimaryError extends Error {
  override readonly name = "NoPrimaryError";
  readonly reason: NoPrimaryReason;

  constructor(message: string, reason: NoPrimaryReason) {
    super(message);
    this.reason = reason;
  }
}
