import { SessionStatus } from "../../gen/holdfast/v1/session_pb.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { FlushFacts } from "./flush-facts.js";
import { sessionClosed, sessionNotFound } from "./flush-refusals.js";

/** The sessions that the entries of one flush belong to. */
export class FlushSessions {
  readonly #find: (id: string) => FieldBag | undefined;
  readonly #inactive: FlushFacts["inactiveSessions"];
  /** Ids of those that the database must find ACTIVE at the position of the flush. */
  readonly required = new Set<string>();

  /** @param find gives a session that the flush has read or changed, as it is by now */
  constructor(find: (id: string) => FieldBag | undefined, inactive: FlushFacts["inactiveSessions"]) {
    this.#find = find;
    this.#inactive = inactive;
  }

  /**
   * What this flush knows of the session decides; else the database will, at the flush's position.
   *
   * @throws SESSION_NOT_FOUND, SESSION_CLOSED
   */
  check(given: string | undefined): void {
    if (!given) return;
    const sessionId = given.toLowerCase();
    // A session this flush knows nothing of stays so until its end.
    if (this.required.has(sessionId)) return;
    const known = this.#find(sessionId);
    const status = known ? statusOf(known) : this.#inactive.get(sessionId);
    if (status === null) throw sessionNotFound(sessionId);
    if (status !== undefined && status !== ACTIVE) throw sessionClosed(sessionId, status);
    if (!known) this.required.add(sessionId);
  }
}

const ACTIVE = SessionStatus[SessionStatus.ACTIVE];

function statusOf(session: FieldBag): string | undefined {
  return session.deleteTime === undefined ? SessionStatus[session.status as SessionStatus] : "DELETED";
}
