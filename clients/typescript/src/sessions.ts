import {
  type CloseSessionRequest,
  type Session,
  type SessionFilter,
  SessionSchema,
  SessionService,
} from "../../../gen/holdfast/v1/session_pb.js";
import type { CallOptions, ReadOptions } from "./call/call-options.js";
import type { Transport } from "./call/transport.js";
import { HoldfastError } from "./holdfast-error.js";
import { allPages, type Page, type PageOptions } from "./pages.js";
import { maskedChanges } from "./wire/field-mask.js";
import type { Input } from "./wire/input.js";

type OutputOnly =
  | "$typeName"
  | "position"
  | "createTime"
  | "updateTime"
  | "deleteTime"
  | "revision"
  | "status"
  | "forkPosition";

/** A session to open. Without an id the client makes one (UUIDv7). */
export type SessionInput = Omit<Input<Session>, OutputOnly>;

/** Fields to change: a value sets, null clears, what is left out stays. */
export type SessionChanges = {
  readonly [K in Exclude<keyof SessionInput, "id" | "endTime" | "parentSessionId">]?: SessionInput[K] | null;
};

/** What every change of one session takes. */
export interface ChangeOptions extends CallOptions {
  /** Change only this revision, else ABORTED with REVISION_MISMATCH. */
  readonly expectedRevision?: bigint | undefined;
  /** The change's own id (UUID). Without one the client makes one, so that its own retries are exact. */
  readonly requestId?: string | undefined;
}

/** How a session ended: COMPLETED, now, unless given. */
export type SessionEnd = Pick<Input<CloseSessionRequest>, "status" | "endTime">;

/** Which sessions. */
export type SessionSelection = Omit<Input<SessionFilter>, "$typeName">;

/** The sessions of a tenant. Every method throws {@link HoldfastError}. */
export class Sessions {
  readonly #transport: Transport;
  readonly #newId: () => string;

  constructor(transport: Transport, newId: () => string) {
    this.#transport = transport;
    this.#newId = newId;
  }

  /** Opens a session. The same id and content again answers with the first result. */
  async open(session: SessionInput = {}, options?: CallOptions): Promise<Session> {
    const request = { session: { ...session, id: session.id || this.#newId() } };
    const answer = await this.#transport.unary(SessionService.method.openSession, request, options);
    return present(answer.session);
  }

  /** The session of this id, or of the caller's own name for it. NOT_FOUND when there is none. */
  async get(key: string | { readonly externalId: string }, options: ReadOptions = {}): Promise<Session> {
    const request = {
      key:
        typeof key === "string"
          ? { case: "id" as const, value: key }
          : { case: "externalId" as const, value: key.externalId },
      minPosition: options.minPosition,
    };
    const answer = await this.#transport.unary(SessionService.method.getSession, request, options);
    return present(answer.session);
  }

  /** All sessions that match, newest first. */
  list(
    filter: SessionSelection = {},
    options: PageOptions & ReadOptions = {},
  ): AsyncGenerator<Session, void, undefined> {
    return allPages(options.pageToken, (pageToken) => this.page(filter, { ...options, pageToken }));
  }

  /** One page of those. */
  async page(filter: SessionSelection = {}, options: PageOptions & ReadOptions = {}): Promise<Page<Session>> {
    const { pageSize, pageToken, minPosition } = options;
    const request = { filter, pageSize, pageToken, minPosition };
    const answer = await this.#transport.unary(SessionService.method.listSessions, request, options);
    return { items: answer.sessions, nextPageToken: answer.nextPageToken || undefined };
  }

  /** Changes the fields given and no others. */
  async update(id: string, changes: SessionChanges, options: ChangeOptions = {}): Promise<Session> {
    const { values, paths } = maskedChanges(SessionSchema, changes);
    const request = { session: { ...values, id }, updateMask: { paths }, ...this.#change(options) };
    const answer = await this.#transport.unary(SessionService.method.updateSession, request, options);
    return present(answer.session);
  }

  /** Ends an ACTIVE session; from then on nothing may be recorded in it. Flush its recorders first. */
  async close(id: string, end: SessionEnd = {}, options: ChangeOptions = {}): Promise<Session> {
    const request = { id, status: end.status, endTime: end.endTime, ...this.#change(options) };
    const answer = await this.#transport.unary(SessionService.method.closeSession, request, options);
    return present(answer.session);
  }

  /** Marks a session deleted; its past stays in the log. */
  async delete(id: string, options: ChangeOptions = {}): Promise<Session> {
    const request = { id, ...this.#change(options) };
    const answer = await this.#transport.unary(SessionService.method.deleteSession, request, options);
    return present(answer.session);
  }

  #change(options: ChangeOptions) {
    return { expectedRevision: options.expectedRevision, requestId: options.requestId ?? this.#newId() };
  }
}

function present(session: Session | undefined): Session {
  if (session) return session;
  throw new HoldfastError("the server answered without a session", { code: "INTERNAL" });
}
