import { memoryCandidate, memoryFilter, memoryFilterParameters, SEARCH_DEFINER } from "./memory-filter.js";

/**
 * `search_memory_vectors`: memories whose embedding, of the same model and as
 * many numbers, points the same way (cosine). Every one is compared, by pgvector
 * where the database has it, else in SQL; `method` says which.
 */
export const memoryVectorRoutine = `
CREATE FUNCTION holdfast.search_memory_vectors(
  p_embedding real[], p_model text, p_limit integer, ${memoryFilterParameters}
) RETURNS TABLE (method text, ${memoryCandidate}) ${SEARCH_DEFINER} AS $$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_norm double precision := (SELECT sqrt(sum(v::double precision * v)) FROM unnest(p_embedding) AS v);
  v_schema name;
  v_method text := 'EXACT';
  v_likeness text := '(SELECT sum(a::double precision * b) / nullif(sqrt(sum(a::double precision * a)) * $2, 0)
    FROM unnest(m.embedding, $1) AS u(a, b))';
BEGIN
  SELECT n.nspname INTO v_schema
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector';
  IF FOUND THEN
    v_method := 'PGVECTOR';
    v_likeness := format(
      '1 - nullif((m.embedding::%1$I.vector OPERATOR(%1$I.<=>) $1::%1$I.vector)::double precision, ''NaN'')',
      v_schema);
  END IF;
  RETURN QUERY EXECUTE format($query$
    SELECT %L, c.id, c.score, c.importance, c.success_score, c.create_time
    FROM (
      SELECT m.id, m.importance, m.success_score, m.create_time, %s AS score
      FROM holdfast.memories m
      WHERE ${dynamicFilter()}
        AND m.embedding_model = $3 AND cardinality(m.embedding) = cardinality($1)
    ) AS c
    WHERE c.score IS NOT NULL
    ORDER BY c.score DESC, c.create_time DESC, c.id DESC LIMIT $4$query$, v_method, v_likeness)
  USING p_embedding, v_norm, p_model, p_limit, v_tenant,
    p_types, p_goals, p_sessions, p_agents, p_tags, p_labels, p_from, p_before;
END $$`;

/** The filter with the parameters of EXECUTE in place of the routine's own. */
function dynamicFilter(): string {
  const names = ["v_tenant", ...[...memoryFilterParameters.matchAll(/p_\w+/g)].map(([name]) => name)];
  return names.reduce((text, name, i) => text.replaceAll(name, () => `$${i + 5}`), memoryFilter);
}
