import { type Kysely, sql } from "kysely";
import { createRole } from "./0001-log.js";

/**
 * `holdfast_writer` runs the routines of the append path, and reads as
 * `holdfast_runtime` does, whose member it is. So what only reads, and whatever may
 * one day be slipped into it, can call nothing that writes. A server whose
 * login owns nothing needs to be a member of it and of nothing else.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createRole(db, "holdfast_writer");
  // Like the role itself, it may have been granted from another database of the cluster, or be being granted now.
  await sql`
    DO $$ BEGIN
      IF NOT pg_has_role('holdfast_writer', 'holdfast_runtime', 'MEMBER') THEN
        GRANT holdfast_runtime TO holdfast_writer;
      END IF;
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END $$
  `.execute(db);
  await sql`GRANT USAGE ON SCHEMA holdfast TO holdfast_writer`.execute(db);
  await sql`GRANT SELECT ON holdfast.migrations TO holdfast_writer`.execute(db);
}
