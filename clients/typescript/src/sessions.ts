import {
  type CloseSessionRequest,
  type Session,
  SessionService,
} from "../../../gen/holdfast/v1/session_pb.js";
import type { CallOptions, ChangeOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { entityClient, present } from "./entity/entity-client.js";
import type { AsOf, ChangesOf, InputOf, SelectionOf } from "./entity/entity-types.js";
import type { Input } from "./wire/input.js";

/** A session to open. Without an id the client makes one (UUIDv7). */
export type SessionInput = InputOf<typeof SessionService>;

/** Fields to change: a value sets, null clears, what is left out stays. */
export type SessionChanges = ChangesOf<typeof SessionService>;

/** How a session ended: COMPLETED, now, unless given. */
export type SessionEnd = Pick<Input<CloseSessionRequest>, "status" | "endTime">;

/** Which sessions. */
export type SessionSelection = SelectionOf<typeof SessionService>;

/** A session to fork: its own id and names, and whatever shall differ from the other. */
export type ForkInput = Omit<SessionInput, "endTime" | "parentSessionId">;

/** The sessions of a tenant. Every method throws HoldfastError. */
export class Sessions extends entityClient(SessionService) {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super(caller);
    this.#caller = caller;
  }

  /** Opens a session. The same id and content again answers with the first result. */
  async open(session: SessionInput = {}, options?: CallOptions): Promise<Session> {
    const { transport, newId } = this.#caller;
    const request = { session: { ...session, id: session.id || newId() } };
    const answer = await transport.unary(SessionService.method.openSession, request, options);
    return present(answer.session, "Session");
  }

  /**
   * Opens a session that starts from another's state, as of a position or now, and shares its past up to there.
   * What `session` does not say is the other's. The same id and request again answers with the first result.
   */
  async fork(sessionId: string, session: ForkInput = {}, options: CallOptions & AsOf = {}): Promise<Session> {
    const { transport, newId } = this.#caller;
    const { atPosition } = options;
    const request = { sessionId, atPosition, session: { ...session, id: session.id || newId() } };
    const answer = await transport.unary(SessionService.method.forkSession, request, options);
    return present(answer.session, "Session");
  }

  /** Ends an ACTIVE session; from then on nothing may be recorded in it. Flush its recorders first. */
  async close(id: string, end: SessionEnd = {}, options: ChangeOptions = {}): Promise<Session> {
    const { transport, newId } = this.#caller;
    const { expectedRevision, requestId = newId() } = options;
    const request = { id, status: end.status, endTime: end.endTime, expectedRevision, requestId };
    const answer = await transport.unary(SessionService.method.closeSession, request, options);
    return present(answer.session, "Session");
  }
}
