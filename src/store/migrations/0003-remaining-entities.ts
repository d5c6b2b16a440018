import { type Kysely, sql } from "kysely";
import { secureTable } from "./0001-log.js";

/** The seven entities that are not streamed, and the indexes that lists of all twelve go by. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createStateTable(
    db,
    "memories",
    `type text NOT NULL,
     content text NOT NULL,
     goal_id uuid,
     action json, action_bytes bytea, action_content_type text,
     observation json, observation_bytes bytea, observation_content_type text,
     context json, context_bytes bytea, context_content_type text,
     success_score double precision,
     importance double precision,
     tags jsonb NOT NULL,
     embedding real[],
     embedding_model text NOT NULL,
     access_time timestamptz,
     access_count bigint NOT NULL,
     expire_time timestamptz`,
  );
  await createStateTable(
    db,
    "goals",
    `title text NOT NULL,
     description text NOT NULL,
     status text NOT NULL,
     priority double precision NOT NULL,
     progress double precision NOT NULL,
     parent_goal_id uuid,
     depends_on jsonb NOT NULL,
     constraints json, constraints_bytes bytea, constraints_content_type text,
     target_time timestamptz,
     complete_time timestamptz,
     created_by text NOT NULL,
     progress_is_set boolean NOT NULL,
     lease_holder text NOT NULL,
     lease_expire_time timestamptz`,
  );
  await createStateTable(
    db,
    "action_selectors",
    `type text NOT NULL,
     action_scores jsonb NOT NULL,
     action_counts jsonb NOT NULL,
     action_history json, action_history_bytes bytea, action_history_content_type text,
     context_weights jsonb NOT NULL,
     goal_patterns json, goal_patterns_bytes bytea, goal_patterns_content_type text,
     learning_rate double precision,
     epsilon double precision`,
  );
  await createStateTable(
    db,
    "learning_systems",
    `type text NOT NULL,
     strategies json, strategies_bytes bytea, strategies_content_type text,
     strategy_scores jsonb NOT NULL,
     strategy_counts jsonb NOT NULL,
     pattern_library json, pattern_library_bytes bytea, pattern_library_content_type text,
     total_episodes bigint NOT NULL,
     history json, history_bytes bytea, history_content_type text,
     best_strategies jsonb NOT NULL`,
  );
  await createStateTable(
    db,
    "cross_session_patterns",
    `type text NOT NULL,
     description text NOT NULL,
     data json, data_bytes bytea, data_content_type text,
     confidence double precision NOT NULL,
     usage_count bigint NOT NULL,
     success_rate double precision,
     last_used_time timestamptz`,
  );
  await createStateTable(
    db,
    "configurations",
    `key text COLLATE "C" NOT NULL,
     value json, value_bytes bytea, value_content_type text,
     type text NOT NULL,
     description text NOT NULL,
     active boolean,
     value_type text,
     schema json, schema_bytes bytea, schema_content_type text,
     layer text NOT NULL,
     is_secret boolean NOT NULL,
     actor text NOT NULL`,
  );
  await sql`
    CREATE UNIQUE INDEX configurations_key ON holdfast.configurations
    (tenant_id, key, layer, coalesce(agent_id, '')) WHERE delete_time IS NULL
  `.execute(db);
  // What was in force at a position may be deleted by now. The "C" collation of the
  // key lets this be read by prefix.
  await sql`
    CREATE INDEX configurations_past_key ON holdfast.configurations (tenant_id, key)
  `.execute(db);
  await createSecurityAudits(db);

  // A list by one of these reads its index in order, newest or oldest first.
  const listed = {
    sessions: ["type", "status"],
    memories: ["type", "goal_id"],
    goals: ["status", "parent_goal_id"],
    actions: ["agent_id", "type", "status", "goal_id"],
    action_selectors: ["type"],
    learning_systems: ["type"],
    cross_session_patterns: ["type", "confidence"],
    configurations: ["type"],
  };
  for (const [table, columns] of Object.entries(listed)) {
    for (const column of columns) await createListIndex(db, table, column, "create_time, id");
  }
  await sql`CREATE INDEX actions_created ON holdfast.actions (tenant_id, create_time, id)`.execute(db);
  const appended = {
    observations: ["type", "action_id", "goal_id"],
    decisions: ["type", "action_id", "goal_id"],
    performance_metrics: ["name", "component"],
    security_audits: ["operation", "actor", "level"],
  };
  for (const [table, columns] of Object.entries(appended)) {
    for (const column of columns) await createListIndex(db, table, column, "position");
  }
  for (const table of Object.keys(listed)) await createContentIndex(db, table, "labels", "{}");
  await createContentIndex(db, "memories", "tags", "[]");
}

async function createStateTable(db: Kysely<unknown>, table: string, columns: string): Promise<void> {
  await sql`
    CREATE TABLE ${sql.table(`holdfast.${table}`)} (
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
      ${sql.raw(columns)},
      PRIMARY KEY (tenant_id, id)
    ) WITH (fillfactor = 80)
  `.execute(db);
  await createExternalIdIndex(db, table);
  await sql`
    CREATE INDEX ${sql.id(`${table}_created`)} ON ${sql.table(`holdfast.${table}`)} (tenant_id, create_time, id)
  `.execute(db);
  await createListIndex(db, table, "session_id", "create_time, id");
  await createListIndex(db, table, "agent_id", "create_time, id");
  await secureTable(db, table, "state");
}

async function createSecurityAudits(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE holdfast.security_audits (
      tenant_id uuid NOT NULL,
      id uuid NOT NULL,
      external_id text,
      session_id uuid,
      agent_id text,
      labels jsonb NOT NULL,
      position bigint NOT NULL,
      create_time timestamptz NOT NULL,
      content_hash bytea NOT NULL,
      operation text NOT NULL,
      actor text NOT NULL,
      target text NOT NULL,
      valid boolean NOT NULL,
      level text,
      message text NOT NULL,
      suggestions jsonb NOT NULL,
      metadata json, metadata_bytes bytea, metadata_content_type text,
      by_holdfast boolean NOT NULL,
      PRIMARY KEY (tenant_id, id)
    )
  `.execute(db);
  await createExternalIdIndex(db, "security_audits");
  await sql`
    CREATE UNIQUE INDEX security_audits_position ON holdfast.security_audits (tenant_id, position)
  `.execute(db);
  await createListIndex(db, "security_audits", "session_id", "position");
  await createListIndex(db, "security_audits", "agent_id", "position");
  await secureTable(db, "security_audits", "append");
}

async function createListIndex(
  db: Kysely<unknown>,
  table: string,
  column: string,
  order: string,
): Promise<void> {
  await sql`
    CREATE INDEX ${sql.id(`${table}_${column.replace(/_id$/, "")}`)} ON ${sql.table(`holdfast.${table}`)}
    (tenant_id, ${sql.id(column)}, ${sql.raw(order)}) WHERE ${sql.id(column)} IS NOT NULL
  `.execute(db);
}

/**
 * Labels and tags are found by tenant: what the index holds is the row's content
 * under its tenant's id, so that another tenant's rows are never read through,
 * see `ids_containing`. Rows without any are left out and cost nothing.
 */
export async function createContentIndex(
  db: Kysely<unknown>,
  table: string,
  column: string,
  blank: string,
): Promise<void> {
  await sql`
    CREATE INDEX ${sql.id(`${table}_${column}`)} ON ${sql.table(`holdfast.${table}`)}
    USING gin (jsonb_set('{}'::jsonb, ARRAY[tenant_id::text], ${sql.id(column)}) jsonb_path_ops)
    WHERE ${sql.id(column)} <> ${sql.lit(blank)}::jsonb
  `.execute(db);
}

async function createExternalIdIndex(db: Kysely<unknown>, table: string): Promise<void> {
  await sql`
    CREATE UNIQUE INDEX ${sql.id(`${table}_external_id`)} ON ${sql.table(`holdfast.${table}`)}
    (tenant_id, external_id) WHERE external_id IS NOT NULL
  `.execute(db);
}
