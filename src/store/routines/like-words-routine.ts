import { trigramsSql } from "../search-terms.js";
import { PLANNED_SEARCH_DEFINER } from "./memory-filter.js";

/** Words looked at for those tried in place of one: some of them nobody has any more. */
const MAX_CONSIDERED = 10;

/**
 * `words_like`: the learned words of the tenant that are spelt like one of at
 * least four characters, the likest first. Likeness is the share of trigrams
 * that both have among those that either has.
 *
 * A word that is like enough has `v_least` of the n trigrams, so one of any
 * n - v_least + 1: the first and the last, which a great many words have, are
 * compared rather than looked up, where `v_least` allows.
 */
export const likeWordsRoutine = `
CREATE FUNCTION holdfast.words_like(p_word text, p_likeness double precision)
RETURNS TABLE (word text, likeness double precision) ${PLANNED_SEARCH_DEFINER}
SET enable_indexscan = on SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_trigrams text[] := ${trigramsSql("p_word")};
  v_count integer := cardinality(v_trigrams);
  v_least integer := ceil(p_likeness * v_count);
  v_first text;
  v_last text;
BEGIN
  IF v_least > 2 THEN
    v_first := left(p_word, 1);
    v_last := right(p_word, 2);
    v_trigrams := array_remove(array_remove(v_trigrams, '  ' || v_first), v_last || ' ');
  END IF;
  RETURN QUERY SELECT s.word, s.likeness FROM (
    SELECT f.word, f.shared::double precision / (v_count + char_length(f.word) + 1 - f.shared) AS likeness
    FROM (
      SELECT w.word, count(*)
        + CASE WHEN starts_with(w.word, v_first) THEN 1 ELSE 0 END
        + CASE WHEN right(w.word, 2) = v_last THEN 1 ELSE 0 END AS shared
      FROM holdfast.memory_words w WHERE w.tenant_id = v_tenant AND w.trigram = ANY (v_trigrams)
      GROUP BY w.word
    ) AS f
    WHERE f.shared >= v_least
  ) AS s
  WHERE s.likeness >= p_likeness AND s.word <> p_word
  ORDER BY s.likeness DESC, s.word LIMIT ${MAX_CONSIDERED};
END $$`;
