import { TERM_PREFIX_LENGTH, trigramsSql, UNSPACED } from "../search-terms.js";
import { DEFINER } from "./log-routines.js";

/** Distinct words of one memory that are learned for misspelling: those of a long text, not of a dump. */
const MAX_LEARNED_WORDS = 500;

/** `learn_memory_words` is told of every memory written; `touch_memories` counts what was found; `expired_memories` tells what is to be deleted. */
export const memoryUpkeepRoutines: readonly string[] = [
  `
CREATE FUNCTION holdfast.learn_memory_words(p_tenant uuid, p_ids uuid[]) RETURNS void ${DEFINER} AS $$
BEGIN
  WITH words AS (
    SELECT DISTINCT substr(t.term, ${TERM_PREFIX_LENGTH + 1}) AS word
    FROM holdfast.memories m, LATERAL (
      SELECT term FROM unnest(tsvector_to_array(m.search_terms)) AS term
      WHERE char_length(term) BETWEEN ${TERM_PREFIX_LENGTH + 4} AND ${TERM_PREFIX_LENGTH + 32}
        AND substr(term, ${TERM_PREFIX_LENGTH + 1}) !~ '[0-9${UNSPACED}]'
      LIMIT ${MAX_LEARNED_WORDS}
    ) AS t
    WHERE m.tenant_id = p_tenant AND m.id = ANY (p_ids)
  ), learned AS (
    INSERT INTO holdfast.memory_words (tenant_id, trigram, word)
    -- Known words are passed over by the primary key. An anti-join says the same, and where the table's statistics
    -- are not up to date it reads every word of the tenant for each.
    SELECT p_tenant, '', w.word FROM words w
    ON CONFLICT DO NOTHING
    RETURNING word
  )
  INSERT INTO holdfast.memory_words (tenant_id, trigram, word)
  SELECT p_tenant, t.trigram, l.word
  FROM learned l, unnest(${trigramsSql("l.word")}) AS t(trigram)
  ON CONFLICT DO NOTHING;
END $$`,
  `
CREATE FUNCTION holdfast.touch_memories(
  p_tenants uuid[], p_ids uuid[], p_times timestamptz[], p_counts bigint[]
) RETURNS void ${DEFINER} AS $$
BEGIN
  -- In one order, so that two servers never wait for each other.
  INSERT INTO holdfast.memory_access AS a (tenant_id, memory_id, access_time, access_count)
  SELECT u.tenant_id, u.memory_id, u.access_time, u.access_count
  FROM unnest(p_tenants, p_ids, p_times, p_counts) AS u (tenant_id, memory_id, access_time, access_count)
  ORDER BY u.tenant_id, u.memory_id
  ON CONFLICT (tenant_id, memory_id) DO UPDATE SET
    access_time = greatest(a.access_time, excluded.access_time),
    access_count = a.access_count + excluded.access_count;
END $$`,
  `
CREATE FUNCTION holdfast.expired_memories(p_limit integer)
RETURNS TABLE (tenant_id uuid, id uuid, revision bigint) ${DEFINER} STABLE AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT l.tenant_id, e.id, e.revision
  FROM holdfast.tenant_logs l, LATERAL (
    SELECT m.id, m.revision FROM holdfast.memories m
    WHERE m.tenant_id = l.tenant_id AND m.delete_time IS NULL AND m.expire_time <= now()
    ORDER BY m.expire_time LIMIT p_limit
  ) AS e
  LIMIT p_limit;
END $$`,
];
