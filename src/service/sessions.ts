import { type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampNow } from "@bufbuild/protobuf/wkt";
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
import { type FieldViolation, HoldfastError, invalidFields, notFound } from "../core/errors.js";
import { cursorFromToken, pageSize, pageToken } from "../core/page-token.js";
import { isTimestampInRange, microsFromTimestamp } from "../core/time.js";
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
import { type EntryPreparer, notFinal } from "./prepare-entry.js";
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
  /** Bytes of a page at most, so that an answer fits into a message. */
  readonly maxPageBytes: number;
}

export function createSessions(context: SessionsContext): Sessions {
  const { database, codecs, builder, appender, preparer, maxPageBytes } = context;
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
      const page = await database.read(tenantId, async (run) => {
        const [head, found] = await Promise.all([
          readLogHead(run, tenantId),
          listRecords(run, builder, codec, tenantId, { filter, after, limit, maxBytes: maxPageBytes }),
        ]);
        requirePosition(head, request.minPosition);
        return found;
      });
      const sessions = page.records as readonly unknown[] as Session[];
      const last = page.hasMore ? sessions.at(-1) : undefined;
      const nextPageToken = last?.createTime
        ? pageToken([String(microsFromTimestamp(last.createTime)), last.id], list)
        : "";
      return { sessions, nextPageToken };
    },

    async update(tenantId, request) {
      const { session } = request;
      if (!session) throw invalidFields([{ field: "session", description: "expected a session, got none" }]);
      const violations: FieldViolation[] = [];
      const fields = maskedFields(
        sessionEntity,
        session as unknown as FieldBag,
        request.updateMask,
        violations,
      );
      return write(
        tenantId,
        preparer.patch({
          codec,
          id: session.id,
          requestId: request.requestId,
          schema: UpdateSessionRequestSchema,
          request,
          fields,
          expectedRevision: request.expectedRevision,
          path: "session.",
          idField: "session.id",
          requestIdField: "request_id",
          violations,
        }),
      );
    },

    async close(tenantId, request) {
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
          requestIdField: "request_id",
          violations: notFinal(sessionEntity, request.status, "status"),
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
          requestIdField: "request_id",
        }),
      );
    },
  };
}

function recordKey({ key }: GetSessionRequest): RecordKey {
  if (key.case === "externalId" && key.value !== "") {
    const violations: FieldViolation[] = [];
    requireText(key.value, "external_id", violations);
    if (violations.length > 0) throw invalidFields(violations);
    return { externalId: key.value };
  }
  const id = key.case === "id" ? key.value : "";
  if (isUuid(id)) return { id: id.toLowerCase() };
  const got = id === "" ? "nothing" : JSON.stringify(id.slice(0, 80));
  const field = key.case === "externalId" ? "external_id" : "id";
  throw invalidFields([{ field, description: `expected a UUID or an external_id, got ${got}` }]);
}

function recordFilter({ filter }: ListSessionsRequest): RecordFilter {
  if (!filter) return { includeDeleted: false };
  const { agentId, type, statuses, labels, createTimeFrom, createTimeBefore, includeDeleted } = filter;
  const violations: FieldViolation[] = [];
  requireText(agentId, "filter.agent_id", violations);
  requireText(type, "filter.type", violations);
  requireText(Object.entries(labels).flat().join(""), "filter.labels", violations);
  for (const [i, status] of statuses.entries()) {
    if (status !== SessionStatus.UNSPECIFIED && SessionStatus[status] !== undefined) continue;
    const description = `expected a SessionStatus, got the number ${status}`;
    violations.push({ field: `filter.statuses[${i}]`, description });
  }
  const createdFrom = filterMicros(createTimeFrom, "filter.create_time_from", violations);
  const createdBefore = filterMicros(createTimeBefore, "filter.create_time_before", violations);
  if (violations.length > 0) throw invalidFields(violations);
  return {
    agentId,
    type,
    statuses: statuses.map((status) => SessionStatus[status] ?? ""),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(createdFrom !== undefined && { createdFrom }),
    ...(createdBefore !== undefined && { createdBefore }),
    includeDeleted,
  };
}

function filterMicros(
  time: Timestamp | undefined,
  field: string,
  violations: FieldViolation[],
): bigint | undefined {
  if (!time) return undefined;
  if (isTimestampInRange(time)) return microsFromTimestamp(time);
  violations.push({
    field,
    description: `expected a time in the years 1 to 9999, got ${time.seconds} seconds and ${time.nanos} nanos`,
  });
  return undefined;
}

function requireText(text: string, field: string, violations: FieldViolation[]): void {
  if (text.includes("\0")) violations.push({ field, description: "expected text without NUL (U+0000)" });
}

function filterText({ filter }: ListSessionsRequest): string {
  return filter ? Buffer.from(toBinary(SessionFilterSchema, filter)).toString("base64") : "";
}
