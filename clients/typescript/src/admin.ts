import {
  AdminService,
  type GetLogHeadResponse,
  type GetStatisticsResponse,
  type GetStorageInfoResponse,
} from "../../../gen/holdfast/v1/admin_pb.js";
import type { Event } from "../../../gen/holdfast/v1/event_pb.js";
import type { EntityKind } from "../../../gen/holdfast/v1/log_pb.js";
import type { CallOptions, ReadOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { minPositionOf } from "./call/min-position.js";
import type { AsOf } from "./entity/entity-types.js";
import { type Cursor, cursorFromMessage } from "./follow/cursor.js";
import { allPages, type Page, type PageOptions } from "./pages.js";
import { receiveArchive } from "./receive-archive.js";

/** Whose state. */
export type StateSubject = { readonly sessionId: string } | { readonly agentId: string };

/** Which of it, and as of when. */
export interface StateOptions extends PageOptions, ReadOptions {
  /** As of this position; now unless given. */
  readonly atPosition?: bigint | undefined;
  /** Only these; any unless given. */
  readonly kinds?: readonly EntityKind[] | undefined;
  /** Things deleted by then as well, as they were deleted. */
  readonly includeDeleted?: boolean | undefined;
  /** Of a session that was forked, leave out what it shares with those it comes from. */
  readonly excludeAncestors?: boolean | undefined;
}

/** What is exported, and how. */
export interface ExportOptions extends CallOptions {
  /** Everything the tenant has unless given. */
  readonly subject?: StateSubject | undefined;
  /** Whether files are compressed with gzip. */
  readonly compress?: boolean | undefined;
}

/** A page of a state. */
export interface StatePage extends Page<Event> {
  /** What all pages are as of. */
  readonly asOf: Cursor;
}

/** What operators and auditors ask. Every method throws HoldfastError. */
export class Admin {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Where the tenant's log ends, and the hash of everything in it; with `atPosition` the same of the commit that contains
   * that position.
   */
  getLogHead(options: CallOptions & AsOf = {}): Promise<GetLogHeadResponse> {
    const { atPosition } = options;
    return this.#caller.transport.unary(AdminService.method.getLogHead, { atPosition }, options);
  }

  /**
   * Everything about a session or an agent as of a position, in order of position: each thing that has a state by
   * its last change up to there, and everything recorded up to there.
   */
  getStateAt(subject: StateSubject, options: StateOptions = {}): AsyncGenerator<Event, void, undefined> {
    return allPages(options.pageToken, (pageToken) => this.getStatePage(subject, { ...options, pageToken }));
  }

  /** One page of that. It may hold less than a page's items, even none, and not be the last. */
  async getStatePage(subject: StateSubject, options: StateOptions = {}): Promise<StatePage> {
    const { atPosition, kinds, includeDeleted, excludeAncestors, pageSize, pageToken } = options;
    const request = {
      subject: stated(subject),
      position: atPosition,
      entityKinds: kinds,
      includeDeleted,
      excludeAncestors,
      pageSize,
      pageToken,
      ...minPositionOf(options),
    };
    const answer = await this.#caller.transport.unary(AdminService.method.getStateAt, request, options);
    const { items, nextPageToken, cursor } = answer;
    return { items, nextPageToken: nextPageToken || undefined, asOf: cursorFromMessage(cursor) };
  }

  /** What the tenant has stored, how fast it grows, and how server and database fare. Cheap: ask each second. */
  getStatistics(options?: CallOptions): Promise<GetStatisticsResponse> {
    return this.#caller.transport.unary(AdminService.method.getStatistics, {}, options);
  }

  /**
   * Fetches a tenant's log, or what of it belongs to a session or an agent, into a folder, as the archive that
   * `holdfast export` writes and `holdfast import` takes in again. The folder is made if it is not there; what it has
   * of an archive is not overwritten. The manifest comes last: a folder without one holds half of an archive.
   */
  exportTo(folder: string, options: ExportOptions = {}): Promise<void> {
    const { subject, compress, ...callOptions } = options;
    const call = this.#caller.transport.serverStream(
      AdminService.method.export,
      { ...(subject && { subject: stated(subject) }), compress },
      callOptions,
    );
    return receiveArchive(call, folder, options.signal);
  }

  /** What everything is stored in. */
  getStorageInfo(options?: CallOptions): Promise<GetStorageInfoResponse> {
    return this.#caller.transport.unary(AdminService.method.getStorageInfo, {}, options);
  }
}

function stated(subject: StateSubject) {
  return "sessionId" in subject
    ? { case: "sessionId" as const, value: subject.sessionId }
    : { case: "agentId" as const, value: subject.agentId };
}
