import { type Kysely, sql } from "kysely";

/**
 * The roles, and the log of each tenant: where it ends, the hash of everything
 * up to there, and one row for each flush that extended it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createRole(db, "holdfast_runtime");
  await createRole(db, "holdfast_append");
  await sql`GRANT USAGE ON SCHEMA holdfast TO holdfast_runtime, holdfast_append`.execute(db);

  // One row a tenant, changed by every flush: room on the page lets each
  // change stay there (HOT) instead of growing the table and its index.
  await sql`
    CREATE TABLE holdfast.tenant_logs (
      tenant_id uuid PRIMARY KEY,
      log_id uuid NOT NULL,
      position bigint NOT NULL,
      hash bytea NOT NULL,
      commit_time timestamptz
    ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
  `.execute(db);

  await sql`
    CREATE TABLE holdfast.commits (
      tenant_id uuid NOT NULL,
      position bigint NOT NULL,
      first_position bigint NOT NULL,
      commit_time timestamptz NOT NULL,
      hash bytea NOT NULL,
      PRIMARY KEY (tenant_id, position)
    )
  `.execute(db);

  // Every past and present state of the entities that have one. `state` is
  // json, not jsonb: it keeps the payloads inside it as they were written.
  await sql`
    CREATE TABLE holdfast.revisions (
      tenant_id uuid NOT NULL,
      position bigint NOT NULL,
      create_time timestamptz NOT NULL,
      entity text NOT NULL,
      entity_id uuid NOT NULL,
      revision bigint NOT NULL,
      change text NOT NULL,
      session_id uuid,
      agent_id text,
      request_id uuid NOT NULL,
      request_hash bytea NOT NULL,
      content_hash bytea NOT NULL,
      state json NOT NULL,
      PRIMARY KEY (tenant_id, entity, entity_id, revision)
    )
  `.execute(db);
  await sql`CREATE UNIQUE INDEX revisions_position ON holdfast.revisions (tenant_id, position)`.execute(db);
  await sql`CREATE UNIQUE INDEX revisions_request ON holdfast.revisions (tenant_id, entity, request_id)`.execute(
    db,
  );
  await sql`
    CREATE INDEX revisions_session ON holdfast.revisions (tenant_id, session_id, position)
    WHERE session_id IS NOT NULL
  `.execute(db);
  await sql`
    CREATE INDEX revisions_agent ON holdfast.revisions (tenant_id, agent_id, position)
    WHERE agent_id IS NOT NULL
  `.execute(db);

  await secureTable(db, "tenant_logs", "state");
  await secureTable(db, "commits", "append");
  await secureTable(db, "revisions", "append");
}

export async function createRole(db: Kysely<unknown>, role: string): Promise<void> {
  // Roles belong to the whole cluster: another database's migration may have
  // made it, or be making it now.
  await sql`
    DO ${sql.lit(`BEGIN
      CREATE ROLE ${role} NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END`)}
  `.execute(db);
  // From Postgres 16 on, who makes a role is a member that may not act as it
  // before being granted that as well.
  await sql`
    DO ${sql.lit(`BEGIN
      IF NOT pg_has_role(current_user, '${role}',
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        GRANT ${role} TO CURRENT_USER;
      END IF;
    END`)}
  `.execute(db);
}

/**
 * Row-level security, for the table's owner too: the runtime role reads its
 * tenant's rows and writes none; the append path's functions, which take the
 * tenant as an argument, are exempt and may do no more than the table's nature
 * allows.
 */
export async function secureTable(
  db: Kysely<unknown>,
  table: string,
  nature: "append" | "state",
): Promise<void> {
  const name = sql.table(`holdfast.${table}`);
  const writes = sql.raw(nature === "append" ? "SELECT, INSERT" : "SELECT, INSERT, UPDATE");
  await sql`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`.execute(db);
  await sql`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`.execute(db);
  // nullif: once a transaction has set it locally, the setting is '' and not NULL afterwards.
  await sql`
    CREATE POLICY tenant_isolation ON ${name} FOR SELECT TO holdfast_runtime
    USING (tenant_id = nullif(current_setting('holdfast.tenant', true), '')::uuid)
  `.execute(db);
  await sql`
    CREATE POLICY append_path ON ${name} TO holdfast_append USING (true) WITH CHECK (true)
  `.execute(db);
  await sql`GRANT SELECT ON ${name} TO holdfast_runtime`.execute(db);
  await sql`GRANT ${writes} ON ${name} TO holdfast_append`.execute(db);
}
