import { type DescMessage, type DescService, toBinary } from "@bufbuild/protobuf";
import { type FieldMask, timestampNow } from "@bufbuild/protobuf/wkt";
import { ListOrder } from "../../gen/holdfast/v1/log_pb.js";
import {
  type FieldViolation,
  HoldfastError,
  invalidFields,
  limitExceeded,
  notFound,
} from "../core/errors.js";
import { cursorFromToken, MAX_PAGE_SIZE, pageSize, pageToken } from "../core/page-token.js";
import { isUuid } from "../core/uuid.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { Database, ReadBounds, ReadOptions, Run } from "../store/database.js";
import { findFittingRecords } from "../store/fitting-records.js";
import { listOrder, listRows } from "../store/list-query.js";
import { listRevisions } from "../store/list-revisions.js";
import { readLogHead, requirePosition } from "../store/log-head.js";
import {
  asksForPosition,
  type MinPosition,
  NO_MIN_POSITION,
  readMinPosition,
} from "../store/read-min-position.js";
import { findRecord } from "../store/read-records.js";
import { type Revision, readRevisions } from "../store/read-revisions.js";
import { answerTooLarge, bytesToRead } from "./answer-size.js";
import type { Appender } from "./appender.js";
import { isExpired } from "./expiry.js";
import { maskedFields } from "./field-mask.js";
import { createListFilter, type ListFilter } from "./list-filter.js";
import type { EntryPreparer } from "./prepare-entry.js";
import type { Attribution, PreparedEntry } from "./prepared-entry.js";
import { cursorParts, recordCursor } from "./record-cursor.js";
import { type RequestKey, recordKey } from "./record-key.js";

export interface GetRequest extends MinPosition {
  readonly key: RequestKey;
  /** 0 and undefined are now. */
  readonly atPosition?: bigint;
}

export interface ListRequest extends MinPosition {
  readonly pageSize: number;
  readonly pageToken: string;
  readonly filter?: FieldBag | undefined;
  readonly order: ListOrder;
}

export interface ChangeRequest {
  readonly expectedRevision?: bigint | undefined;
  readonly requestId: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface RecordsContext {
  readonly database: Database;
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  /** Bytes of a page at most, so that an answer fits into a message. */
  readonly maxPageBytes: number;
  /** Bytes of an answer that has no further pages. */
  readonly maxAnswerBytes: number;
}

/**
 * The standard verbs of one entity. What each does follows from the entity's
 * declaration; the requests are those of any service, read by their field names.
 */
export class Records {
  readonly codec: EntityCodec;
  readonly #context: RecordsContext;
  readonly #filter: ListFilter;
  readonly #filterMessage: DescMessage;

  constructor(context: RecordsContext, codec: EntityCodec) {
    this.#context = context;
    this.codec = codec;
    this.#filterMessage = filterMessage(codec.entity.service);
    this.#filter = createListFilter(codec, this.#filterMessage);
  }

  /** @throws ID_CONFLICT, EXTERNAL_ID_TAKEN, SESSION_NOT_FOUND, SESSION_CLOSED, INVALID_FIELD */
  create(tenantId: string, record: FieldBag | undefined, by: Attribution): Promise<FieldBag> {
    const { name } = this.codec.entity;
    if (!record) throw invalidFields([{ field: name, description: `expected a ${name}, got none` }]);
    return this.write(tenantId, this.prepareNew(record, `${name}.`), by);
  }

  /** A thing to be created, found sound; @throws INVALID_FIELD, LIMIT_EXCEEDED */
  prepareNew(record: FieldBag, path: string): PreparedEntry {
    const { preparer } = this.#context;
    return this.codec.entity.nature === "append"
      ? preparer.append(this.codec, record, path)
      : preparer.create(this.codec, record, path);
  }

  /** Writes one entry and answers with the thing as it left it. */
  async write(tenantId: string, entry: PreparedEntry, by: Attribution): Promise<FieldBag> {
    const attributed = entry.verb === "append" ? entry : { ...entry, by, wantsRecord: true };
    const [outcome] = await this.#context.appender.append(tenantId, [attributed]);
    if (outcome === undefined || outcome instanceof HoldfastError) throw outcome;
    return outcome.record() ?? this.get(tenantId, byId(outcome.id));
  }

  /** Resolves when what was read of the tenant before is durable: for an answer that repeats one without appending again. */
  async confirm(tenantId: string): Promise<void> {
    const head = await this.#context.database.read(tenantId, (run) => readLogHead(run, tenantId));
    await this.#context.appender.confirm(tenantId, head);
  }

  /** @throws NOT_FOUND, POSITION_IN_FUTURE, LOG_DIVERGED */
  async get(tenantId: string, request: GetRequest): Promise<FieldBag> {
    const key = recordKey(request.key);
    const atPosition = request.atPosition ?? 0n;
    const read = async (run: Run) => {
      const current = await findRecord(run, this.codec, tenantId, key);
      if (!current || atPosition === 0n) return current;
      const range = { tenantId, id: current.id as string, atPosition, limit: 1 };
      return (await readRevisions(run, this.codec, range))[0]?.record;
    };
    const record = await this.#read(tenantId, request, read, { byKey: true }, atPosition);
    // What has expired is gone, its past is not.
    if (!record || (atPosition === 0n && isExpired(this.codec.entity, record))) {
      throw notFound(this.codec.entity.name, "id" in key ? key.id : key.externalId);
    }
    return record;
  }

  /** Those that exist, in the order of the ids. @throws LIMIT_EXCEEDED when they are more than an answer holds */
  async batchGet(
    tenantId: string,
    ids: readonly string[],
    minPosition: MinPosition,
    bounds?: ReadBounds,
  ): Promise<readonly FieldBag[]> {
    if (ids.length > MAX_PAGE_SIZE) throw limitExceeded("ids", "ids", MAX_PAGE_SIZE, ids.length);
    const violations = ids.flatMap((id, i) =>
      isUuid(id)
        ? []
        : [{ field: `ids[${i}]`, description: `expected a UUID, got ${JSON.stringify(id.slice(0, 80))}` }],
    );
    if (violations.length > 0) throw invalidFields(violations);
    const { maxAnswerBytes } = this.#context;
    const maxBytes = bytesToRead(maxAnswerBytes);
    const wanted = { tenantId, ids: ids.map((id) => id.toLowerCase()), maxBytes };
    const read = (run: Run) => findFittingRecords(run, this.codec, wanted, bounds?.turn);
    const { records, hasMore } = await this.#read(tenantId, minPosition, read, { ...bounds, byKey: true });
    if (hasMore) throw answerTooLarge(maxBytes, maxAnswerBytes);
    return records.filter((record) => !isExpired(this.codec.entity, record));
  }

  async list(tenantId: string, request: ListRequest, bounds?: ReadBounds): Promise<Page<FieldBag>> {
    const limit = pageSize(request.pageSize);
    const conditions = this.#filter(request.filter);
    const order = listOrderOf(request.order);
    const list = [this.codec.entity.table, tenantId, order, messageText(this.#filterMessage, request.filter)];
    const after = cursorFromToken(request.pageToken, list, cursorParts(listOrder(this.codec)));
    const { maxPageBytes: maxBytes } = this.#context;
    const range = { tenantId, conditions, order, after, limit, maxBytes } as const;
    const read = (run: Run) => listRows(run, this.codec, range, bounds?.turn);
    const { records, hasMore } = await this.#read(tenantId, request, read, bounds);
    const last = hasMore ? records.at(-1) : undefined;
    const nextPageToken = last ? pageToken(recordCursor(listOrder(this.codec), last), list) : "";
    return { items: records, nextPageToken };
  }

  /** @throws NOT_FOUND, REVISION_MISMATCH, ILLEGAL_TRANSITION, INVALID_FIELD */
  update<Desc extends DescMessage>(
    tenantId: string,
    schema: Desc,
    request: ChangeRequest & { readonly updateMask?: FieldMask | undefined } & FieldBag,
    record: FieldBag | undefined,
    by: Attribution,
  ): Promise<FieldBag> {
    const { entity } = this.codec;
    if (!record)
      throw invalidFields([{ field: entity.name, description: `expected a ${entity.name}, got none` }]);
    const violations: FieldViolation[] = [];
    const fields = maskedFields(this.codec, record, request.updateMask, violations);
    return this.write(
      tenantId,
      this.#context.preparer.patch({
        codec: this.codec,
        id: record.id as string,
        requestId: request.requestId,
        schema,
        request: request as never,
        fields,
        expectedRevision: request.expectedRevision,
        path: `${entity.name}.`,
        idField: `${entity.name}.id`,
        violations,
      }),
      by,
    );
  }

  /** @throws NOT_FOUND, REVISION_MISMATCH */
  delete<Desc extends DescMessage>(
    tenantId: string,
    schema: Desc,
    request: ChangeRequest & { readonly id: string } & FieldBag,
    by: Attribution,
  ): Promise<FieldBag> {
    return this.write(
      tenantId,
      this.#context.preparer.patch({
        codec: this.codec,
        id: request.id,
        requestId: request.requestId,
        schema,
        request: request as never,
        fields: { deleteTime: timestampNow() },
        change: "DELETED",
        expectedRevision: request.expectedRevision,
        path: "",
        idField: "id",
      }),
      by,
    );
  }

  /** Every state the thing ever had, newest first. @throws NOT_FOUND */
  async listRevisions(
    tenantId: string,
    request: MinPosition & {
      readonly id: string;
      readonly pageSize: number;
      readonly pageToken: string;
    },
    bounds?: ReadBounds,
  ): Promise<Page<Revision>> {
    const { id } = recordKey({ case: "id", value: request.id }) as { id: string };
    const limit = pageSize(request.pageSize);
    const list = [`${this.codec.entity.table} revisions`, tenantId, id];
    const [below] = cursorFromToken(request.pageToken, list, ["whole number"]) ?? [];
    const range = {
      tenantId,
      id,
      below: below === undefined ? undefined : BigInt(below),
      limit,
      maxBytes: this.#context.maxPageBytes,
    };
    const read = (run: Run) => listRevisions(run, this.codec, range, bounds?.turn);
    const { revisions, hasMore } = await this.#read(tenantId, request, read, bounds);
    if (revisions.length === 0 && below === undefined) throw notFound(this.codec.entity.name, id);
    const last = hasMore ? revisions.at(-1) : undefined;
    return { items: revisions, nextPageToken: last ? pageToken([String(last.revision)], list) : "" };
  }

  #read<T>(
    tenantId: string,
    asked: MinPosition,
    read: Read<T>,
    options?: ReadOptions,
    atPosition = 0n,
  ): Promise<T> {
    const needsHead = asksForPosition(asked) || atPosition !== 0n;
    const readAtLeast = async (run: Run) => {
      if (!needsHead) return read(run);
      const [log, result] = await Promise.all([readMinPosition(run, tenantId, asked), read(run)]);
      requirePosition(log.check(), atPosition);
      return result;
    };
    return this.#context.database.read(tenantId, readAtLeast, options);
  }
}

type Read<T> = (run: Run) => Promise<T>;

/** The message by which a service's list method filters. */
function filterMessage(service: DescService): DescMessage {
  const found = service.methods.map(({ input }) => input.field.filter?.message).find((message) => message);
  if (!found) throw new TypeError(`${service} has no list method with a filter`);
  return found;
}

function byId(id: string): GetRequest {
  return { key: { case: "id", value: id }, ...NO_MIN_POSITION };
}

function listOrderOf(order: ListOrder): "newest first" | "oldest first" {
  if (ListOrder[order] === undefined) {
    throw invalidFields([{ field: "order", description: `expected a ListOrder, got the number ${order}` }]);
  }
  return order === ListOrder.OLDEST_FIRST ? "oldest first" : "newest first";
}

function messageText(schema: DescMessage, message: FieldBag | undefined): string {
  return message ? Buffer.from(toBinary(schema, message)).toString("base64") : "";
}
