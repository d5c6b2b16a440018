/**
 * No server of the connection URL is what `target_session_attrs` asks for, or none answers. The message names each server
 * and why it was not used, without user and password.
 */
export class NoPrimaryError extends Error {
  override readonly name = "NoPrimaryError";
  /** Whether a server answered that takes no writes. */
  readonly isReadOnly: boolean;

  constructor(message: string, isReadOnly: boolean) {
    super(message);
    this.isReadOnly = isReadOnly;
  }
}
