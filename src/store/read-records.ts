import { type CompiledQuery, type Kysely, sql } from "kysely";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow } from "../entities/stored-record.js";
import { byteSize } from "./byte-size.js";
import type { Run, Statement } from "./database.js";
import { type Tables, toStatement } from "./query-builder.js";

export type RecordKey = { readonly id: string } | { readonly externalId: string };

/** One thing by either of its names, deleted or not; undefined if this tenant has none. */
export async function findRecord(
  run: Run,
  builder: Kysely<Tables>,
  codec: EntityCodec,
  tenantId: string,
  key: RecordKey,
): Promise<FieldBag | undefined> {
  const query = selectRecords(builder, codec, tenantId)
    .$if("id" in key, (q) => q.where("id", "=", "id" in key ? key.id : ""))
    .$if("externalId" in key, (q) => q.where("external_id", "=", "externalId" in key ? key.externalId : ""));
  const [row] = await run<Row>(toStatement(query.compile()));
  return row && recordFromRow(codec, row);
}

/** Every condition that is given must hold. */
export interface RecordFilter {
  readonly agentId?: string;
  readonly type?: string;
  /** As stored: the enum's name without its prefix. */
  readonly statuses?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Microseconds since 1970; the first is included, the second is not. */
  readonly createdFrom?: bigint;
  readonly createdBefore?: bigint;
  readonly includeDeleted: boolean;
}

/** The last thing of a page: the next page starts below it. */
export interface RecordCursor {
  readonly createMicros: bigint;
  readonly id: string;
}

export interface RecordPage {
  readonly records: readonly FieldBag[];
  /** Whether more follow. */
  readonly hasMore: boolean;
}

/**
 * Things with a current state, newest first, in keyset pages: what is added
 * meanwhile moves nothing. A page ends before `limit` where its records add up
 * to `maxBytes`; it has at least one record if there is any.
 */
export async function listRecords(
  run: Run,
  builder: Kysely<Tables>,
  codec: EntityCodec,
  tenantId: string,
  {
    filter,
    after,
    limit,
    maxBytes,
  }: { filter: RecordFilter; after: RecordCursor | undefined; limit: number; maxBytes: number },
): Promise<RecordPage> {
  const { agentId, type, statuses, labels, createdFrom, createdBefore } = filter;
  let query = selectRecords(builder, codec, tenantId)
    .select(sql<number>`${sql.raw(byteSize(codec.columns))}`.as("size"))
    .orderBy("create_time", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1);
  if (!filter.includeDeleted) query = query.where("delete_time", "is", null);
  if (agentId) query = query.where("agent_id", "=", agentId);
  if (type) query = query.where("type", "=", type);
  if (statuses && statuses.length > 0) query = query.where("status", "in", statuses);
  if (labels) query = query.where(sql<boolean>`labels @> ${JSON.stringify(labels)}::jsonb`);
  if (createdFrom !== undefined) query = query.where("create_time", ">=", timeFromMicros(createdFrom));
  if (createdBefore !== undefined) query = query.where("create_time", "<", timeFromMicros(createdBefore));
  if (after) {
    query = query.where(
      sql<boolean>`(create_time, id) < (${timeFromMicros(after.createMicros)}, ${after.id}::uuid)`,
    );
  }
  const rows = await run<Row>(cutAtBytes(codec, query.compile(), maxBytes));
  const found = Number(rows[0]?.at(-1) ?? 0);
  const records = rows.slice(0, limit).map((row) => recordFromRow(codec, row));
  return { records, hasMore: records.length < found };
}

/** The rows of a page up to so many bytes, each with how many there were before they were cut. */
function cutAtBytes(codec: EntityCodec, page: CompiledQuery, maxBytes: number): Statement {
  const columns = recordColumns(codec).join(", ");
  const order = "ORDER BY create_time DESC, id DESC";
  const text = `
SELECT ${columns}, found FROM (
  SELECT ${columns}, count(*) OVER () AS found,
    sum(size) OVER (${order} ROWS UNBOUNDED PRECEDING) - size AS before
  FROM (${page.sql}) AS page
) AS sized
WHERE before < $${page.parameters.length + 1} ${order}`;
  return { text, values: [...page.parameters, maxBytes] };
}

function recordColumns(codec: EntityCodec): readonly string[] {
  return [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
}

function selectRecords(builder: Kysely<Tables>, codec: EntityCodec, tenantId: string) {
  return builder
    .selectFrom(`holdfast.${codec.entity.table}` as keyof Tables)
    .select(recordColumns(codec).map((column) => sql.ref(column).as(column)))
    .where("tenant_id", "=", tenantId);
}

// Exact: a double holds microseconds since 1970 only up to the year 2255.
function timeFromMicros(micros: bigint) {
  return sql<bigint>`('epoch'::timestamptz + ${String(micros)}::bigint * interval '1 microsecond')`;
}
