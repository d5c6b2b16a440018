import { byKey } from "../by-key.js";
import { TERM_PREFIX_LENGTH, trigramsSql, UNSPACED } from "../search-terms.js";
import { BY_KEY_DEFINER, DEFINER } from "./log-routines.js";
import { LIMIT_LOCK_WAITS } from "./write-settings.js";

/** Terms of one memory among which words are learned for misspelling: those of a long text, not of a dump. */
const MAX_LEARNED_TERMS = 1000;
/** Characters of a word that is learned: shorter ones have too few trigrams to be like, longer ones are no words. */
const MIN_LEARNED_LENGTH = 4;
const MAX_LEARNED_LENGTH = 32;

/** `learn_memory_words` is told of every memory written; `touch_memories` counts what was found; `expired_memories` tells what is to be deleted. */
export const memoryUpkeepRoutines: readonly string[] = [
  `
CREATE FUNCTION holdfast.learn_memory_words(p_tenant uuid, p_ids uuid[]) RETURNS void ${BY_KEY_DEFINER} AS $$
DECLARE
  v_words text[];
  v_known text[];
BEGIN
  v_words := ARRAY(
    SELECT DISTINCT substr(t.term, ${TERM_PREFIX_LENGTH + 1})
    FROM unnest(p_ids) AS a(id) CROSS JOIN ${byKey("memories", "m", "a.id", "p_tenant")}, unnest(CASE WHEN length(m.search_terms) > ${MAX_LEARNED_TERMS}
      THEN (tsvector_to_array(m.search_terms))[1:${MAX_LEARNED_TERMS}] ELSE tsvector_to_array(m.search_terms) END) AS t(term)
    WHERE octet_length(t.term) BETWEEN ${TERM_PREFIX_LENGTH + MIN_LEARNED_LENGTH} AND ${TERM_PREFIX_LENGTH + 4 * MAX_LEARNED_LENGTH}
  );
  -- In one search of the index for all of them. An anti-join says the same, and where the table's statistics are not
  -- up to date it reads every word of the tenant for each.
  v_known := ARRAY(
    SELECT w.word FROM holdfast.memory_words w
    WHERE w.tenant_id = p_tenant AND w.trigram = '' AND w.word = ANY (v_words)
  );
  INSERT INTO holdfast.memory_words (tenant_id, trigram, word)
  SELECT p_tenant, t.trigram, l.word
  FROM (SELECT unnest(v_words) EXCEPT SELECT unnest(v_known)) AS l(word), unnest(''::text || ${trigramsSql("l.word")}) AS t(trigram)
  WHERE char_length(l.word) BETWEEN ${MIN_LEARNED_LENGTH} AND ${MAX_LEARNED_LENGTH} AND l.word !~ '[0-9${UNSPACED}]'
  -- In the order of the index, so that two servers never wait for each other.
  ORDER BY t.trigram, l.word
  ON CONFLICT DO NOTHING;
END $$`,
  `
CREATE FUNCTION holdfast.touch_memories(
  p_tenants uuid[], p_ids uuid[], p_times timestamptz[], p_counts bigint[]
) RETURNS void ${BY_KEY_DEFINER} AS $$
BEGIN
  ${LIMIT_LOCK_WAITS}
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
