import { searchTermsSql, TERM_PREFIX_LENGTH, termPrefixSql, trigramsSql, UNSPACED } from "../search-terms.js";
import { memoryCandidate, memoryFilter, memoryFilterParameters, SEARCH_DEFINER } from "./memory-filter.js";

/** Words of a query that are looked for, the longest first: each costs an index search. */
const MAX_TERMS = 10;
/** A word in more memories than this says little: it then only narrows, and its memories are not all read. */
const COMMON = 150;
/** Memories ranked by one method at most; the newest, if more have the words. */
const MAX_RANKED = 300;
/** Memories counted, to know what share has a word; beyond, all that matters is that there are many. */
const MAX_COUNTED = 500;
/** Characters from which a word counts fully: what most languages spell shorter is mostly grammar, common even among few memories. */
const FULL_WORD = "5.0";
/** Words of a query that are looked for in other spellings too: those that no more memories than `FEW` have. */
const MAX_RESPELT = 4;
const FEW = 5;
/** Words tried in place of one, and how like it they must be: less so when nothing has it as it stands. */
const MAX_ALIKE = 5;
const ALIKE_UNKNOWN = 0.3;
const ALIKE_KNOWN = 0.5;

/**
 * `search_memory_texts`: memories by the words of a text. FULL_TEXT are those
 * that have the rarer words of it, or where all are common every one of them,
 * or failing that any; ranked by how rare the words are that they have (as in
 * BM25) and how little else they hold. TRIGRAM are those that have words spelt like them.
 */
export const memoryTextRoutine = `
CREATE FUNCTION holdfast.search_memory_texts(p_text text, p_limit integer, ${memoryFilterParameters})
RETURNS TABLE (method text, ${memoryCandidate}) ${SEARCH_DEFINER} AS $$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_prefix text := ${termPrefixSql("v_tenant")};
  v_terms text[] := tsvector_to_array(${searchTermsSql("p_text", "v_tenant")});
  v_term text;
  v_word text;
  v_trigrams text[];
  v_count bigint;
  v_total bigint;
  v_taken bigint := 0;
  v_respelt integer := 0;
  v_weight double precision;
  v_query tsquery;
  v_queries tsquery[] := '{}';
  v_weights double precision[] := '{}';
  v_counts bigint[] := '{}';
  v_any tsquery;
  v_all tsquery;
  v_rare tsquery;
  v_alike tsquery[] := '{}';
  v_likeness double precision[] := '{}';
BEGIN
  -- A lone character of an unspaced script says something only when nothing else is asked for.
  IF EXISTS (SELECT FROM unnest(v_terms) AS t WHERE char_length(t) > ${TERM_PREFIX_LENGTH + 1}) THEN
    v_terms := ARRAY(SELECT t FROM unnest(v_terms) AS t WHERE t !~ '^.{${TERM_PREFIX_LENGTH}}[${UNSPACED}]$');
  END IF;
  v_terms := ARRAY(SELECT t FROM unnest(v_terms) AS t ORDER BY char_length(t) DESC, t LIMIT ${MAX_TERMS});
  SELECT count(*) INTO v_total FROM (
    SELECT FROM holdfast.memories m WHERE ${memoryFilter} LIMIT ${MAX_COUNTED}
  ) AS counted;
  IF v_total = ${MAX_COUNTED} THEN v_total := 100 * v_total; END IF;

  FOREACH v_term IN ARRAY v_terms LOOP
    v_query := (format('''%s''', v_term)
      || CASE WHEN v_term ~ '^.{${TERM_PREFIX_LENGTH}}[${UNSPACED}]$' THEN ':*' ELSE '' END)::tsquery;
    SELECT count(*) INTO v_count FROM (
      SELECT FROM holdfast.memories m WHERE ${memoryFilter} AND m.search_terms @@ v_query
      LIMIT ${COMMON + 1}
    ) AS counted;
    v_word := substr(v_term, ${TERM_PREFIX_LENGTH + 1});
    v_weight := CASE WHEN v_count > ${COMMON} THEN 0.1
      ELSE ln(1 + (v_total - v_count + 0.5) / (v_count + 0.5)) END
      * CASE WHEN v_word ~ '[${UNSPACED}]' THEN 1 ELSE least(1, char_length(v_word) / ${FULL_WORD}) END;
    IF v_count > 0 THEN
      v_queries := v_queries || v_query;
      v_counts := v_counts || v_count;
      v_weights := v_weights || v_weight;
      v_any := coalesce(v_any || v_query, v_query);
    END IF;
    v_all := coalesce(v_all && v_query, v_query);

    CONTINUE WHEN v_respelt = ${MAX_RESPELT} OR v_count > ${FEW} OR char_length(v_word) < 4 OR v_word ~ '[0-9${UNSPACED}]';
    v_respelt := v_respelt + 1;
    v_trigrams := ${trigramsSql("v_word")};
    FOR v_word, v_weight IN
      SELECT s.word, s.likeness FROM (
        SELECT w.word, count(*)::double precision
          / (cardinality(v_trigrams) + char_length(w.word) + 1 - count(*)) AS likeness
        FROM holdfast.memory_words w
        WHERE w.tenant_id = v_tenant AND w.trigram = ANY (v_trigrams)
        GROUP BY w.word
      ) AS s
      WHERE s.likeness >= CASE WHEN v_count = 0 THEN ${ALIKE_UNKNOWN} ELSE ${ALIKE_KNOWN} END
        AND v_prefix || s.word <> v_term
      ORDER BY s.likeness DESC, s.word LIMIT ${MAX_ALIKE}
    LOOP
      v_alike := v_alike || format('''%s''', v_prefix || v_word)::tsquery;
      v_likeness := v_likeness || v_weight;
    END LOOP;
  END LOOP;

  FOR v_query, v_count IN
    SELECT q, c FROM unnest(v_queries, v_counts) AS known(q, c) WHERE c <= ${COMMON} ORDER BY c
  LOOP
    v_taken := v_taken + v_count;
    EXIT WHEN v_taken > ${MAX_RANKED};
    v_rare := coalesce(v_rare || v_query, v_query);
  END LOOP;

  ${ranked("FULL_TEXT", "coalesce(v_rare, v_all)", "v_queries", "v_weights")}
  IF NOT FOUND AND v_rare IS NULL THEN
    ${ranked("FULL_TEXT", "v_any", "v_queries", "v_weights")}
  END IF;
  SELECT string_agg(q::text, ' | ')::tsquery INTO v_any FROM unnest(v_alike) AS q;
  ${ranked("TRIGRAM", "v_any", "v_alike", "v_likeness")}
END $$`;

function ranked(method: string, query: string, queries: string, weights: string): string {
  return `v_query := ${query};
  RETURN QUERY SELECT '${method}', c.id,
    (SELECT sum(w.weight) FROM unnest(${queries}, ${weights}) AS w(query, weight) WHERE c.search_terms @@ w.query)
      / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND ${memoryFilter} AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT ${MAX_RANKED}
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;`;
}
