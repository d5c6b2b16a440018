import { type Kysely, sql } from "kysely";

/** Entities in the order of their EntityKind, from 1. */
const KINDS = [
  "session",
  "memory",
  "goal",
  "action",
  "observation",
  "decision",
  "performance_metric",
  "action_selector",
  "learning_system",
  "cross_session_pattern",
  "configuration",
  "security_audit",
];
const APPENDED = ["observation", "decision", "performance_metric", "security_audit"];

/**
 * How many things of each entity a tenant has, kept exact by every flush under
 * the lock of its log. Arrays by the number of the entity's kind, in the row the
 * flush writes anyway.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    ALTER TABLE holdfast.tenant_logs
      ADD COLUMN created_counts bigint[] NOT NULL DEFAULT '{}',
      ADD COLUMN deleted_counts bigint[] NOT NULL DEFAULT '{}',
      ADD COLUMN change_counts bigint[] NOT NULL DEFAULT '{}'
  `.execute(db);
  // The owner is bound by the row policies; the append path sees every tenant.
  await sql`SET LOCAL ROLE holdfast_append`.execute(db);
  const counted = [
    `SELECT tenant_id, entity, count(*) FILTER (WHERE change = 'CREATED') AS created,
       count(*) FILTER (WHERE change = 'DELETED') AS deleted, count(*) AS changes
     FROM holdfast.revisions GROUP BY tenant_id, entity`,
    ...APPENDED.map(
      (entity) =>
        `SELECT tenant_id, '${entity}', count(*), 0, count(*) FROM holdfast.${entity}s GROUP BY tenant_id`,
    ),
  ];
  await sql`
    WITH counted AS (${sql.raw(counted.join(" UNION ALL "))}), counts AS (
      SELECT l.tenant_id,
        array_agg(coalesce(c.created, 0) ORDER BY k.kind) AS created,
        array_agg(coalesce(c.deleted, 0) ORDER BY k.kind) AS deleted,
        array_agg(coalesce(c.changes, 0) ORDER BY k.kind) AS changes
      FROM holdfast.tenant_logs l
      CROSS JOIN unnest(${sql.lit(`{${KINDS.join()}}`)}::text[]) WITH ORDINALITY AS k (entity, kind)
      LEFT JOIN counted c ON c.tenant_id = l.tenant_id AND c.entity = k.entity
      GROUP BY l.tenant_id
    )
    UPDATE holdfast.tenant_logs l
    SET created_counts = c.created, deleted_counts = c.deleted, change_counts = c.changes
    FROM counts c WHERE c.tenant_id = l.tenant_id
  `.execute(db);
  await sql`RESET ROLE`.execute(db);
}
