import type { EntityDeclaration } from "../../entities/declaration.js";
import { createEntityCodec } from "../../entities/entity-codec.js";
import { columnParameters, columnValue } from "./arguments.js";
import { BY_KEY_DEFINER, ROW_CHANGED } from "./log-routines.js";

/**
 * What follows the writing of rows, by table. Not a trigger: Citus has none on
 * distributed tables.
 */
const AFTERWARDS: Readonly<Record<string, string>> = {
  memories: `  PERFORM holdfast.learn_memory_words(p_tenant, p_id);
  IF array_remove(p_embedding, NULL) <> '{}' THEN PERFORM holdfast.keep_memory_vectors(p_tenant, p_id); END IF;
`,
};

/** `lock_<table>` and `put_<table>` for entities that have a current state and revisions. */
export function stateRoutines(entity: EntityDeclaration): readonly string[] {
  return [lockRoutine(entity), putRoutine(entity)];
}

/**
 * The expression that makes a row's `state` in `revisions` from the row's
 * alias. Verification makes the same from the current row and compares the texts.
 */
export function stateJson(entity: EntityDeclaration, alias: string): string {
  const names = createEntityCodec(entity).columns.map((column) => column.name);
  const later = names.filter((name) => entity.addedLater && name.startsWith(entity.addedLater));
  const json = (columns: readonly string[]) => {
    const list = [...columns, "position", "create_time", "update_time"].map((name) => `${alias}.${name}`);
    return `(SELECT row_to_json(s) FROM (SELECT ${list.join(", ")}) AS s)`;
  };
  if (later.length === 0) return json(names);
  // As it was written before there was such a field.
  const isBlank = later.map((name) => `${alias}.${name} IS NULL`).join(" AND ");
  return `CASE WHEN ${isBlank} THEN ${json(names.filter((name) => !later.includes(name)))} ELSE ${json(names)} END`;
}

function lockRoutine({ table }: EntityDeclaration): string {
  return `
CREATE FUNCTION holdfast.lock_${table}(p_tenant uuid, p_ids uuid[]) RETURNS void ${BY_KEY_DEFINER} AS $$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.${table} t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $$`;
}

// A flush may change one row several times: each change is a revision, the last
// one is the current state. `is_new` marks rows created by this flush.
//
// Rows are updated one by one, each by its key: as a join, the planner would choose
// by statistics that know nothing of a young table to read all of a tenant's rows.
function putRoutine(entity: EntityDeclaration): string {
  const { table, name } = entity;
  const { columns } = createEntityCodec(entity);
  const names = columns.map((column) => column.name);
  const written = ["position", "create_time", "update_time", ...names];
  const sessionId = names.includes("session_id") ? "u.session_id" : "u.id";
  const arrays = `p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      ${names.map((column) => `p_${column}`).join(",\n      ")}`;
  const alias = `u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      ${names.join(", ")}
    )`;
  const values = columns.map((column) => `${columnValue(column)} AS ${column.name}`).join(", ");
  return `
CREATE FUNCTION holdfast.put_${table}(
  p_tenant uuid, p_first_position bigint, p_commit_time timestamptz,
  p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[],
  p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamptz[],
  ${columnParameters(columns)}
) RETURNS void ${BY_KEY_DEFINER} AS $$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      ${values}
    FROM unnest(
      ${arrays}
    ) AS ${alias}
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, '${name}', u.id, u.revision, u.change,
      ${sessionId}, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      ${stateJson(entity, "u")}
    FROM u
  )
  INSERT INTO holdfast.${table} (tenant_id, ${written.join(", ")})
  SELECT p_tenant, ${written.map((column) => `u.${column}`).join(", ")}
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, ${values}
      FROM unnest(
        ${arrays}
      ) AS ${alias}
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.${table} t SET update_time = p_commit_time, ${written
        .filter((column) => !["id", "create_time", "update_time"].includes(column))
        .map((column) => `${column} = v.${column}`)
        .join(", ")}
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = '${ROW_CHANGED}';
  END IF;
${AFTERWARDS[table] ?? ""}END $$`;
}
