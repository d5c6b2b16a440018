import { type Kysely, sql } from "kysely";

/** The indexes that goals are handed out and unblocked by. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // In the order of NextGoal, so that the first rows of an index are the answer.
  await sql`
    CREATE INDEX goals_ready ON holdfast.goals (tenant_id, priority DESC, create_time, id)
    WHERE status = 'PENDING' AND delete_time IS NULL
  `.execute(db);
  // As many as agents hold goals at a time.
  await sql`
    CREATE INDEX goals_leased ON holdfast.goals (tenant_id, priority DESC, create_time, id)
    WHERE status = 'IN_PROGRESS' AND lease_expire_time IS NOT NULL AND delete_time IS NULL
  `.execute(db);
  // Which goals of a tenant wait for one. Not fastupdate: every completion reads it.
  await sql`
    CREATE INDEX goals_depends_on ON holdfast.goals
    USING gin ((('["' || tenant_id::text || '"]')::jsonb || depends_on) jsonb_path_ops)
    WITH (fastupdate = off)
    WHERE depends_on <> '[]'::jsonb
  `.execute(db);
}
