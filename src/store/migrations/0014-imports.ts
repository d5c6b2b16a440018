import { type Kysely, sql } from "kysely";
import { secureTable } from "./0001-log.js";

const GIVEN_METADATA = [
  "memories",
  "goals",
  "actions",
  "decisions",
  "performance_metrics",
  "action_selectors",
  "learning_systems",
  "cross_session_patterns",
  "configurations",
];
const APPENDED = ["observations", "decisions", "performance_metrics", "security_audits"];

/** Room for what has no field of its own, what imports added, and appended rows that a rollback took back. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of GIVEN_METADATA) {
    await sql`
      ALTER TABLE ${sql.table(`holdfast.${table}`)}
        ADD COLUMN metadata json, ADD COLUMN metadata_bytes bytea, ADD COLUMN metadata_content_type text
    `.execute(db);
  }

  // The log keeps what it was told: a withdrawn row stays at its position, is
  // no part of any answer about what there is, and leaves its name to others.
  for (const table of APPENDED) {
    const name = sql.table(`holdfast.${table}`);
    await sql`ALTER TABLE ${name} ADD COLUMN withdraw_time timestamptz`.execute(db);
    await sql`GRANT UPDATE (withdraw_time) ON ${name} TO holdfast_append`.execute(db);
    await sql`DROP INDEX ${sql.table(`holdfast.${table}_external_id`)}`.execute(db);
    await sql`
      CREATE UNIQUE INDEX ${sql.id(`${table}_external_id`)} ON ${name} (tenant_id, external_id)
      WHERE external_id IS NOT NULL AND withdraw_time IS NULL
    `.execute(db);
  }

  await sql`
    CREATE TABLE holdfast.imports (
      tenant_id uuid NOT NULL,
      id uuid NOT NULL,
      status text NOT NULL,
      sources_hash bytea NOT NULL,
      start_position bigint NOT NULL,
      create_time timestamptz NOT NULL,
      update_time timestamptz NOT NULL,
      report json NOT NULL,
      PRIMARY KEY (tenant_id, id)
    )
  `.execute(db);
  // Noted before each batch is written. What of it stands at a position after
  // the import's start is what the import added.
  await sql`
    CREATE TABLE holdfast.import_batches (
      tenant_id uuid NOT NULL,
      import_id uuid NOT NULL,
      number integer NOT NULL,
      entities text[] NOT NULL,
      ids uuid[] NOT NULL,
      PRIMARY KEY (tenant_id, import_id, number)
    )
  `.execute(db);
  await secureTable(db, "imports", "state");
  await secureTable(db, "import_batches", "append");
}
