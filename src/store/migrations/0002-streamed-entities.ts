import { type Kysely, sql } from "kysely";
import { secureTable } from "./0001-log.js";

/** Sessions and what agents stream into them: actions, observations, decisions, metrics. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE holdfast.sessions (
      tenant_id uuid NOT NULL,
      id uuid NOT NULL,
      external_id text,
      agent_id text,
      labels jsonb NOT NULL,
      position bigint NOT NULL,
      create_time timestamptz NOT NULL,
      revision bigint NOT NULL,
      update_time timestamptz NOT NULL,
      delete_time timestamptz,
      type text NOT NULL,
      status text NOT NULL,
      start_time timestamptz,
      end_time timestamptz,
      goals_total integer NOT NULL,
      goals_completed integer NOT NULL,
      success_rate double precision,
      parent_session_id uuid,
      fork_position bigint NOT NULL,
      metadata json,
      metadata_bytes bytea,
      metadata_content_type text,
      PRIMARY KEY (tenant_id, id)
    ) WITH (fillfactor = 80)
  `.execute(db);

  await sql`
    CREATE TABLE holdfast.actions (
      tenant_id uuid NOT NULL,
      id uuid NOT NULL,
      external_id text,
      session_id uuid,
      agent_id text,
      labels jsonb NOT NULL,
      position bigint NOT NULL,
      create_time timestamptz NOT NULL,
      revision bigint NOT NULL,
      update_time timestamptz NOT NULL,
      delete_time timestamptz,
      type text NOT NULL,
      name text NOT NULL,
      tool text NOT NULL,
      description text NOT NULL,
      parameters json,
      parameters_bytes bytea,
      parameters_content_type text,
      status text NOT NULL,
      result json,
      result_bytes bytea,
      result_content_type text,
      success_score double precision,
      cost double precision,
      expected_outcome text NOT NULL,
      prerequisites jsonb NOT NULL,
      goal_id uuid,
      user_id text NOT NULL,
      start_time timestamptz,
      complete_time timestamptz,
      PRIMARY KEY (tenant_id, id)
    ) WITH (fillfactor = 80)
  `.execute(db);

  await sql`
    CREATE TABLE holdfast.observations (
      tenant_id uuid NOT NULL,
      id uuid NOT NULL,
      external_id text,
      session_id uuid,
      agent_id text,
      labels jsonb NOT NULL,
      position bigint NOT NULL,
      create_time timestamptz NOT NULL,
      content_hash bytea NOT NULL,
      type text NOT NULL,
      content text NOT NULL,
      data json,
      data_bytes bytea,
      data_content_type text,
      success boolean,
      action_id uuid,
      goal_id uuid,
      feedback text NOT NULL,
      metrics jsonb NOT NULL,
      occur_time timestamptz,
      PRIMARY KEY (tenant_id, id)
    )
  `.execute(db);

  await sql`
    CREATE TABLE holdfast.decisions (
      tenant_id uuid NOT NULL,
      id uuid NOT NULL,
      external_id text,
      session_id uuid,
      agent_id text,
      labels jsonb NOT NULL,
      position bigint NOT NULL,
      create_time timestamptz NOT NULL,
      content_hash bytea NOT NULL,
      type text NOT NULL,
      context json,
      context_bytes bytea,
      context_content_type text,
      alternatives json,
      alternatives_bytes bytea,
      alternatives_content_type text,
      reasoning text NOT NULL,
      confidence double precision,
      action_taken text NOT NULL,
      action_id uuid,
      observation_id uuid,
      goal_id uuid,
      outcome text NOT NULL,
      duration_ms double precision,
      PRIMARY KEY (tenant_id, id)
    )
  `.execute(db);

  await sql`
    CREATE TABLE holdfast.performance_metrics (
      tenant_id uuid NOT NULL,
      id uuid NOT NULL,
      external_id text,
      session_id uuid,
      agent_id text,
      labels jsonb NOT NULL,
      position bigint NOT NULL,
      create_time timestamptz NOT NULL,
      content_hash bytea NOT NULL,
      name text NOT NULL,
      value double precision NOT NULL,
      unit text NOT NULL,
      component text NOT NULL,
      tags jsonb NOT NULL,
      time timestamptz,
      PRIMARY KEY (tenant_id, id)
    )
  `.execute(db);

  // Lists of current state go by creation. `position` changes with every change
  // and is left out of the indexes, so that updates stay on their page (HOT).
  for (const table of ["sessions", "actions"]) {
    await uniqueExternalId(db, table);
    await secureTable(db, table, "state");
  }
  await sql`CREATE INDEX sessions_created ON holdfast.sessions (tenant_id, create_time, id)`.execute(db);
  await sql`
    CREATE INDEX sessions_agent ON holdfast.sessions (tenant_id, agent_id, create_time, id)
    WHERE agent_id IS NOT NULL
  `.execute(db);
  await sql`
    CREATE INDEX actions_session ON holdfast.actions (tenant_id, session_id, create_time, id)
    WHERE session_id IS NOT NULL
  `.execute(db);

  // The feed reads appended rows by position: all, one session's, one agent's.
  // Rows without a session or agent cost nothing in the latter two.
  for (const table of ["observations", "decisions", "performance_metrics"]) {
    await uniqueExternalId(db, table);
    await secureTable(db, table, "append");
    const name = sql.table(`holdfast.${table}`);
    await sql`CREATE UNIQUE INDEX ${sql.id(`${table}_position`)} ON ${name} (tenant_id, position)`.execute(
      db,
    );
    await sql`
      CREATE INDEX ${sql.id(`${table}_session`)} ON ${name} (tenant_id, session_id, position)
      WHERE session_id IS NOT NULL
    `.execute(db);
    await sql`
      CREATE INDEX ${sql.id(`${table}_agent`)} ON ${name} (tenant_id, agent_id, position)
      WHERE agent_id IS NOT NULL
    `.execute(db);
  }
}

async function uniqueExternalId(db: Kysely<unknown>, table: string): Promise<void> {
  await sql`
    CREATE UNIQUE INDEX ${sql.id(`${table}_external_id`)} ON ${sql.table(`holdfast.${table}`)}
    (tenant_id, external_id) WHERE external_id IS NOT NULL
  `.execute(db);
}
