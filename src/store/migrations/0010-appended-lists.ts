import { type Kysely, sql } from "kysely";
import { createContentIndex } from "./0003-remaining-entities.js";

/**
 * Appended rows are found by their labels as all others are, and by what is rare
 * and asked for: failures, refusals. Of what is streamed in, rows without any
 * label, and without a failure, stay out of these and cost nothing.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ["observations", "decisions", "performance_metrics", "security_audits"]) {
    await createContentIndex(db, table, "labels", "{}");
  }
  await sql`
    CREATE INDEX observations_failed ON holdfast.observations (tenant_id, position) WHERE success IS FALSE
  `.execute(db);
  for (const column of ["valid", "by_holdfast"]) {
    await sql`
      CREATE INDEX ${sql.id(`security_audits_${column}`)} ON holdfast.security_audits
      (tenant_id, ${sql.id(column)}, position)
    `.execute(db);
  }
}
