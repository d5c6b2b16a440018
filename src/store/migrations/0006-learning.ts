import { type Kysely, sql } from "kysely";

/**
 * Patterns in order of what their confidence is worth with a half-life of 30
 * days: see `patternRank` in pattern-ranking.ts, whose expression this must be.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const rank = sql.raw(`(
    date_part('epoch', coalesce(last_used_time, create_time) - timestamptz 'epoch')
    + 2592000::double precision
    * CASE WHEN confidence > 0 THEN ln(confidence) / ln(2::double precision) ELSE '-infinity' END
  )`);
  await sql`
    CREATE INDEX cross_session_patterns_rank ON holdfast.cross_session_patterns (tenant_id, ${rank}, id)
    WHERE delete_time IS NULL
  `.execute(db);
  await sql`
    CREATE INDEX cross_session_patterns_type_rank ON holdfast.cross_session_patterns (tenant_id, type, ${rank}, id)
    WHERE delete_time IS NULL
  `.execute(db);
}
