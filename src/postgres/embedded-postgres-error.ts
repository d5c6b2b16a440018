/**
 * Why the embedded Postgres could not be used:
 * - `IN_USE`: another Holdfast process owns the directory;
 * - `NOT_USABLE`: the directory cannot be written, or belongs to somebody else;
 * - `WRONG_VERSION`: its data was made by another major version of Postgres;
 * - `NO_BINARIES`: no Postgres for this platform is installed, or it does not run here;
 * - `FAILED`: Postgres itself refused; its own words are in the message.
 */
export type EmbeddedPostgresProblem = "IN_USE" | "NOT_USABLE" | "WRONG_VERSION" | "NO_BINARIES" | "FAILED";

/** The embedded Postgres cannot be used. The message says what to do about it. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
  readonly problem: EmbeddedPostgresProblem;

  constructor(problem: EmbeddedPostgresProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.problem = problem;
  }
}
