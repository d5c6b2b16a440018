/** What a command cannot do, in words for whoever typed it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** 1 when it could not be done, 2 when it was asked for wrongly. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
