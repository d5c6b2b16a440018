import type { EntityCodec } from "../entities/entity-codec.js";
import { commitColumns } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import { byKey } from "./by-key.js";
import type { Statement } from "./database.js";
import { fittingRows } from "./fitting-rows.js";
import { SYNC_TIMELINE } from "./timeline.js";

/** Locks rows, so that what is read of them next stays true until the flush commits. */
export function lockRows(codec: EntityCodec, tenantId: string, ids: readonly string[]): Statement {
  const { table } = codec.entity;
  return {
    name: `lock ${table}`,
    text: `SELECT holdfast.lock_${table}($1::uuid, $2::uuid[])`,
    values: [tenantId, binaryArray("uuid", ids)],
  };
}

/**
 * Makes flushes that change things of this entity wait for each other until
 * they commit, on all servers. Taken before any row is locked.
 */
export function serialise(codec: EntityCodec, tenantId: string): Statement {
  return {
    name: "serialise",
    text: "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
    values: [`holdfast ${codec.entity.table} ${tenantId}`],
  };
}

/** What keeps withdrawn rows out, for entities whose rows can be. */
export function standing(codec: EntityCodec): string {
  return codec.entity.nature === "append" ? " AND withdraw_time IS NULL" : "";
}

/** Rows by id: the entity's columns, then those of `commitColumns`. */
export function rowsById(codec: EntityCodec, tenantId: string, ids: readonly string[]): Statement {
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  return { name: `rows ${codec.entity.table}`, ...columnsById(codec, tenantId, ids, columns) };
}

/** Some columns of rows by id. */
export function columnsById(
  codec: EntityCodec,
  tenantId: string,
  ids: readonly string[],
  columns: readonly string[],
): Statement {
  return {
    text: `
SELECT ${columns.map((column) => `t.${column}`).join(", ")}
FROM unnest($2::uuid[]) AS asked (id) CROSS JOIN ${byKey(codec.entity.table, "t", "asked.id")}
WHERE true${standing(codec)}`,
    values: [tenantId, binaryArray("uuid", ids)],
  };
}

export type RequestAnswer = [
  requestId: string,
  requestHash: Buffer,
  position: bigint,
  id: string,
  /** Null where it was not asked for. */
  state: string | null,
  /** See `SYNC_TIMELINE`. */
  syncTimeline: string,
  /** How many of the requests there are, also those whose states did not fit. */
  found: bigint,
];

/** The id of a request, and whether the state that it left is needed. */
export interface AskedRequest {
  readonly requestId: string;
  readonly withState: boolean;
}

/** What earlier changes with these request ids left, in the order of the ids, up to so many bytes and at least one. */
export function revisionsByRequest(
  codec: EntityCodec,
  tenantId: string,
  asked: readonly AskedRequest[],
  maxBytes: number,
): Statement {
  const ids = asked.map(({ requestId }) => requestId);
  const withState = asked.map((each) => each.withState);
  return {
    name: "requests",
    // One at a time: as `= ANY` it is planned while the table is still small, for reading all that the entity has.
    text: fittingRows({
      columns: ["request_id", "request_hash", "position", "entity_id", "state", "sync_timeline"],
      rows: `
    SELECT r.*, asked.place, coalesce(octet_length(r.state::text), 0) AS size,
      ${SYNC_TIMELINE} AS sync_timeline
    FROM unnest($3::uuid[], $4::boolean[]) WITH ORDINALITY AS asked (id, with_state, place), LATERAL (
      SELECT request_id, request_hash, position, entity_id, CASE WHEN asked.with_state THEN state END AS state
      FROM holdfast.revisions
      WHERE tenant_id = $1::uuid AND entity = $2 AND request_id = asked.id LIMIT 1
    ) AS r`,
      order: "place",
      room: "$5",
    }),
    values: [
      tenantId,
      codec.entity.name,
      binaryArray("uuid", ids),
      binaryArray("boolean", withState),
      maxBytes,
    ],
  };
}

export type ExistingAnswer = [id: string, position: bigint, contentHash: Buffer, syncTimeline: string];

/** Appended rows that are already there. */
export function appendedById(codec: EntityCodec, tenantId: string, ids: readonly string[]): Statement {
  const { table } = codec.entity;
  return {
    name: `existing ${table}`,
    text: `
SELECT t.id, t.position, t.content_hash, ${SYNC_TIMELINE} FROM unnest($2::uuid[]) AS asked (id) CROSS JOIN ${byKey(table, "t", "asked.id")}`,
    values: [tenantId, binaryArray("uuid", ids)],
  };
}

export type ExternalIdAnswer = [externalId: string, id: string];

/** Whose these external ids are. */
export function idsByExternalId(
  codec: EntityCodec,
  tenantId: string,
  externalIds: readonly string[],
): Statement {
  const { table } = codec.entity;
  return {
    name: `external ids ${table}`,
    text: `
SELECT external_id, id FROM holdfast.${table}
WHERE tenant_id = $1::uuid AND external_id = ANY ($2::text[])${standing(codec)}`,
    values: [tenantId, binaryArray("text", externalIds)],
  };
}

/** Whose these unique keys are, among things not deleted: the id, then the values of the key's columns. */
export function idsByUniqueKey(
  codec: EntityCodec,
  tenantId: string,
  keys: readonly (readonly string[])[],
): Statement {
  const { table, uniqueKey = [] } = codec.entity;
  const columns = uniqueKey.map((column) => `coalesce(${column}, '')`);
  return {
    name: `unique keys ${table}`,
    text: `
SELECT id, ${columns.join(", ")} FROM holdfast.${table}
WHERE tenant_id = $1::uuid AND ${uniqueKey[0]} = ANY ($2::text[]) AND delete_time IS NULL`,
    values: [
      tenantId,
      binaryArray(
        "text",
        keys.map(([first = ""]) => first),
      ),
    ],
  };
}
