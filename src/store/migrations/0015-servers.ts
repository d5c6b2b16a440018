import { type Kysely, sql } from "kysely";

/**
 * The servers that run on this database. Each writes its own row every so often, as a heartbeat, through the routine
 * `heartbeat` and so with the rights of the append path. The table is no part of any log.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Rows change several times a second: room on the page lets each change stay there (HOT).
  await sql`
    CREATE TABLE holdfast.servers (
      id uuid PRIMARY KEY,
      version text NOT NULL,
      oldest_schema text NOT NULL,
      newest_schema text NOT NULL,
      heartbeat_time timestamptz NOT NULL
    ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
  `.execute(db);
  await sql`GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.servers TO holdfast_append`.execute(db);
}
