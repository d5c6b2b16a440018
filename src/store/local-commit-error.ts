/** What Postgres said beside an answer, as pg reports it. */
export interface Notice {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/**
 * The SQLSTATEs of the WARNING with which a COMMIT stops waiting for its synchronous standby: after a cancel request, and
 * when Postgres ends the session. Its text depends on `lc_messages`.
 */
const WAIT_CANCELLED: ReadonlySet<string> = new Set(["01000", "57P01"]);

/**
 * A COMMIT ended with a WARNING: somebody cancelled its wait for a synchronous standby. The transaction is committed on this
 * server alone and is lost if the standby takes over, so its outcome is unknown.
 */
export class LocalCommitError extends Error {
  override readonly name = "LocalCommitError";

  constructor(notice: Notice) {
    super(`the commit is not known to be on a synchronous standby: ${notice.message ?? "no reason given"}`);
  }

  /** Whether a commit during which this came may be such a one. */
  static isToldBy({ code = "" }: Notice): boolean {
    return WAIT_CANCELLED.has(code);
  }
}
