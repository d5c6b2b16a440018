import { byKey } from "../by-key.js";
import { NUMBER_BYTES } from "../compare-vectors-task.js";
import { vectorSql } from "../vector-sql.js";
import { BY_KEY_DEFINER } from "./log-routines.js";
import { memoryCandidate, memoryFilter, memoryFilterParameters, SEARCH_DEFINER } from "./memory-filter.js";

/**
 * `search_memory_vectors`: memories whose embedding, of the same model and as
 * many numbers, points the same way (cosine), every one compared by pgvector;
 * only for a database that has it. `read_memory_vectors`: a page of such embeddings
 * in the order of ids after `p_after`, for whoever compares them where it has not.
 * `keep_memory_vectors` is told of every memory written.
 */
export const memoryVectorRoutines: readonly string[] = [
  `
CREATE FUNCTION holdfast.search_memory_vectors(
  p_embedding real[], p_model text, p_limit integer, ${memoryFilterParameters}
) RETURNS TABLE (method text, ${memoryCandidate}) ${SEARCH_DEFINER} AS $$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_schema name;
BEGIN
  SELECT n.nspname INTO STRICT v_schema
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector';
  RETURN QUERY EXECUTE format($query$
    SELECT 'VECTOR', c.id, c.score, c.importance, c.success_score, c.create_time
    FROM (
      SELECT m.id, m.importance, m.success_score, m.create_time,
        1 - nullif((m.embedding::%1$I.vector OPERATOR(%1$I.<=>) $1::%1$I.vector)::double precision, 'NaN') AS score
      FROM holdfast.memories m
      WHERE ${dynamicFilter()}
        AND m.embedding_model = $2 AND m.embedding_model <> '' AND cardinality(m.embedding) = cardinality($1)
    ) AS c
    WHERE c.score IS NOT NULL
    ORDER BY c.score DESC, c.create_time DESC, c.id DESC LIMIT $3$query$, v_schema)
  USING p_embedding, p_model, p_limit, v_tenant,
    p_types, p_goals, p_sessions, p_agents, p_tags, p_labels, p_from, p_before;
END $$`,
  `
CREATE FUNCTION holdfast.read_memory_vectors(
  p_length integer, p_model text, p_after uuid, p_limit integer, ${memoryFilterParameters}
) RETURNS TABLE (
  id uuid, vector bytea, importance double precision, success_score double precision, create_time timestamptz
) ${SEARCH_DEFINER} AS $$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
BEGIN
  RETURN QUERY SELECT m.id, v.vector, m.importance, m.success_score, m.create_time
  FROM holdfast.memory_vectors v JOIN holdfast.memories m ON m.tenant_id = v.tenant_id AND m.id = v.memory_id
  WHERE v.tenant_id = v_tenant AND (p_after IS NULL OR v.memory_id > p_after)
    AND octet_length(v.vector) = ${NUMBER_BYTES} * p_length AND m.embedding_model = p_model AND m.embedding IS NOT NULL
    AND ${memoryFilter}
  ORDER BY v.memory_id LIMIT p_limit;
END $$`,
  `
CREATE FUNCTION holdfast.keep_memory_vectors(p_tenant uuid, p_ids uuid[]) RETURNS void ${BY_KEY_DEFINER}
SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO holdfast.memory_vectors AS v (tenant_id, memory_id, vector)
  SELECT m.tenant_id, m.id, ${vectorSql("m.embedding")}
  FROM unnest(p_ids) AS a(id) CROSS JOIN ${byKey("memories", "m", "a.id", "p_tenant")}
  WHERE cardinality(m.embedding) > 0
  ON CONFLICT (tenant_id, memory_id) DO UPDATE SET vector = excluded.vector WHERE v.vector <> excluded.vector;
END $$`,
];

/** The filter with the parameters of EXECUTE in place of the routine's own. */
function dynamicFilter(): string {
  const names = ["v_tenant", ...[...memoryFilterParameters.matchAll(/p_\w+/g)].map(([name]) => name)];
  return names.reduce((text, name, i) => text.replaceAll(name, () => `$${i + 4}`), memoryFilter);
}
