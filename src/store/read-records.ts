import { type Kysely, sql } from "kysely";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow } from "../entities/stored-record.js";
import type { Run } from "./database.js";
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

/** Things with a current state, newest first, in keyset pages: what is added meanwhile moves nothing. */
export async function listRecords(
  run: Run,
  builder: Kysely<Tables>,
  codec: EntityCodec,
  tenantId: string,
  { filter, after, limit }: { filter: RecordFilter; after: RecordCursor | undefined; limit: number },
): Promise<readonly FieldBag[]> {
  const { agentId, type, statuses, labels, createdFrom, createdBefore } = filter;
  let query = selectRecords(builder, codec, tenantId)
    .orderBy("create_time", "desc")
    .orderBy("id", "desc")
    .limit(limit);
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
  const rows = await run<Row>(toStatement(query.compile()));
  return rows.map((row) => recordFromRow(codec, row));
}

function selectRecords(builder: Kysely<Tables>, codec: EntityCodec, tenantId: string) {
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  return builder
    .selectFrom(`holdfast.${codec.entity.table}` as keyof Tables)
    .select(columns.map((column) => sql.ref(column).as(column)))
    .where("tenant_id", "=", tenantId);
}

// Exact: a double holds microseconds since 1970 only up to the year 2255.
function timeFromMicros(micros: bigint) {
  return sql<bigint>`('epoch'::timestamptz + ${String(micros)}::bigint * interval '1 microsecond')`;
}
