import { type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import type { Kysely } from "kysely";
import {
  type CloseSessionRequest,
  CloseSessionRequestSchema,
  type DeleteSessionRequest,
  DeleteSessionRequestSchema,
  type GetSessionRequest,
  type ListSessionsRequest,
  type ListSessionsResponseSchema,
  type Session,
  SessionFilterSchema,
  SessionStatus,
  type UpdateSessionRequest,
  UpdateSessionRequestSchema,
} from "../../gen/holdfast/v1/session_pb.js";
import { HoldfastError, invalidFields, notFound } from "../core/errors.js";
import { cursorFromToken, pageSize, pageToken } from "../core/page-token.js";
import { microsFromTimestamp } from "../core/time.js";
import { isUuid } from "../core/uuid.js";
import type { Codecs } from "../entities/codecs.js";
import type { FieldBag } from "../entities/field-codec.js";
import { session as sessionEntity } from "../entities/session.js";
import type { Database } from "../store/database.js";
import { readLogHead, requirePosition } from "../store/log-head.js";
import type { Tables } from "../store/query-builder.js";
import { findRecord, listRecords, type RecordFilter, type RecordKey } from "../store/read-records.js";
import type { Appender } from "./appender.js";
import { maskedFields } from "./field-mask.js";
import { type EntryPreparer, requireFinal } from "./prepare-entry.js";
import type { PreparedEntry } from "./prepared-entry.js";

/** Sessions of one tenant at a time: opened, changed, closed and found. */
export interface Sessions {
  open(tenantId: string, session: Session | undefined): Promise<Session>;
  get(tenantId: string, request: GetSessionRequest): Promise<Session>;
  list(
    tenantId: string,
    request: ListSessionsRequest,
  ): Promise<MessageInitShape<typeof ListSessionsResponseSchema>>;
  update(tenantId: string, request: UpdateSessionRequest): Promise<Session>;
  close(tenantId: string, request: CloseSessionRequest): Promise<Session>;
  delete(tenantId: string, request: DeleteSessionRequest): Promise<Session>;
}

export interface SessionsContext {
  readonly database: Database;
  readonly codecs: Codecs;
  readonly builder: Kysely<Tables>;
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
}

export function createSessions({ database, codecs, builder, appender, preparer }: SessionsContext): Sessions {
  const codec = codecs.of(sessionEntity);

  const write = async (tenantId: string, entry: PreparedEntry): Promise<Session> => {
    const [outcome] = await appender.append(tenantId, [entry]);
    if (outcome instanceof HoldfastError) throw outcome;
    return outcome?.record as unknown as Session;
  };

  return {
    async open(tenantId, session) {
      if (!session) throw invalidFields([{ field: "session", description: "expected a session, got none" }]);
      return write(tenantId, preparer.create(codec, session as unknown as FieldBag, "session."));
    },

    async get(tenantId, request) {
      const key = recordKey(request);
      const record = await database.read(tenantId, async (run) => {
        const [head, found] = await Promise.all([
          readLogHead(run, tenantId),
          findRecord(run, builder, codec, tenantId, key),
        ]);
        requirePosition(head, request.minPosition);
        return found;
      });
      if (!record) throw notFound("session", "id" in key ? key.id : key.externalId);
      return record as unknown as Session;
    },

    async list(tenantId, request) {
      const limit = pageSize(request.pageSize);
      const list = ["sessions", tenantId, filterText(request)];
      const cursor = cursorFromToken(request.pageToken, list);
      const after = cursor && { createMicros: BigInt(cursor[0] ?? 0), id: cursor[1] ?? "" };
      const filter = recordFilter(request);
      const records = await database.read(tenantId, async (run) => {
        const [head, found] = await Promise.all([
          readLogHead(run, tenantId),
          listRecords(run, builder, codec, tenantId, { filter, after, limit: limit + 1 }),
        ]);
        requirePosition(head, request.minPosition);
        return found as readonly unknown[] as readonly Session[];
      });
      const sessions = records.slice(0, limit);
      const last = records.length > limit ? sessions.at(-1) : undefined;
      const nextPageToken = last?.createTime
        ? pageToken([String(microsFromTimestamp(last.createTime)), last.id], list)
        : "";
      return { sessions, nextPageToken };
    },

    async update(tenantId, request) {
      const { session } = request;
      if (!session) throw invalidFields([{ field: "session", description: "expected a session, got none" }]);
      return write(
        tenantId,
        preparer.patch({
          codec,
          id: session.id,
          requestId: request.requestId,
          schema: UpdateSessionRequestSchema,
          request,
          fields: maskedFields(sessionEntity, session as unknown as FieldBag, request.updateMask),
          expectedRevision: request.expectedRevision,
          path: "session.",
          idField: "id",
        }),
      );
    },

    async close(tenantId, request) {
      requireFinal(sessionEntity, request.status, "status");
      return write(
        tenantId,
        preparer.patch({
          codec,
          id: request.id,
          requestId: request.requestId,
          schema: CloseSessionRequestSchema,
          request,
          fields: {
            status: request.status === 0 ? SessionStatus.COMPLETED : request.status,
            endTime: request.endTime ?? timestampNow(),
          },
          expectedRevision: request.expectedRevision,
          path: "",
          idField: "id",
        }),
      );
    },

    async delete(tenantId, request) {
      return write(
        tenantId,
        preparer.patch({
          codec,
          id: request.id,
          requestId: request.requestId,
          schema: DeleteSessionRequestSchema,
          request,
          fields: { deleteTime: timestampNow() },
          change: "DELETED",
          expectedRevision: request.expectedRevision,
          path: "",
          idField: "id",
        }),
      );
    },
  };
}

function recordKey({ key }: GetSessionRequest): RecordKey {
  if (key.case === "externalId" && key.value !== "") return { externalId: key.value };
  const id = key.case === "id" ? key.value : "";
  if (!isUuid(id)) {
    const got = key.case === "id" ? JSON.stringify(id.slice(0, 80)) : "nothing";
    throw invalidFields([
      { field: key.case ?? "id", description: `expected a UUID or an external_id, got ${got}` },
    ]);
  }
  return { id: id.toLowerCase() };
}

function recordFilter({ filter }: ListSessionsRequest): RecordFilter {
  return {
    agentId: filter?.agentId ?? "",
    type: filter?.type ?? "",
    statuses: (filter?.statuses ?? []).map((status, i) => statusName(status, `filter.statuses[${i}]`)),
    ...(filter && Object.keys(filter.labels).length > 0 && { labels: filter.labels }),
    ...(filter?.createTimeFrom && { createdFrom: microsFromTimestamp(filter.createTimeFrom) }),
    ...(filter?.createTimeBefore && { createdBefore: microsFromTimestamp(filter.createTimeBefore) }),
    includeDeleted: filter?.includeDeleted ?? false,
  };
}

function statusName(status: SessionStatus, field: string): string {
  const name = SessionStatus[status];
  if (status === SessionStatus.UNSPECIFIED || name === undefined) {
    throw invalidFields([{ field, description: `expected a SessionStatus, got the number ${status}` }]);
  }
  return name;
}

function filterText({ filter }: ListSessionsRequest): string {
  return filter ? Buffer.from(toBinary(SessionFilterSchema, filter)).toString("base64") : "";
}
