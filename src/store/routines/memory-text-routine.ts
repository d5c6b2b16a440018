import { EntityKind } from "../../../gen/holdfast/v1/log_pb.js";
import { SAMPLE_SHARE, SAMPLED } from "../memory-sample.js";
import { searchTermsSql, TERM_PREFIX_LENGTH, termPrefixSql, UNSPACED } from "../search-terms.js";
import { memoryCandidate, memoryFilter, memoryFilterParameters, SEARCH_DEFINER } from "./memory-filter.js";

/** Words of a query that are looked for, the longest first: each costs an index search. */
const MAX_TERMS = 10;
/** A word in more memories than this says little: it then only narrows, and its memories are not all read. */
const COMMON = 150;
/** So many in the sample are surely that many: of 150 some two are expected there, of these 768. */
const COMMON_IN_SAMPLE = 12;
/** Memories ranked by one method at most; the newest, if more have the words. */
const MAX_RANKED = 300;
/** Memories counted that pass a filter, to know what share has a word; beyond, all that matters is that there are many. */
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

const SINGLE = `'^.{${TERM_PREFIX_LENGTH}}[${UNSPACED}]$'`;
const FILTERS = [...memoryFilterParameters.matchAll(/p_\w+/g)].map(([name]) => name);

/** The memories of a query, as many as are wanted. */
const having = (query: string, condition: string, limit: string | number) =>
  `SELECT FROM holdfast.memories m WHERE ${memoryFilter} AND ${condition}m.search_terms @@ ${query} LIMIT ${limit}`;
const sampled = (query: string, limit: string | number) => having(query, `${SAMPLED} AND `, limit);
const all = (query: string, limit: string | number) => having(query, "", limit);

// Which kind of index scan the planner may use. The routine sets both for itself, so what is set within ends with it.
const BITMAPS =
  "PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);";
const INDEXES =
  "PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'off', true);";

// Newest first until enough are found, or all there are by the index of terms: whichever reads fewer memories. The
// planner would decide by statistics that may be older than most of the memories. With N memories, of which n match,
// the one reads about MAX_RANKED * N / n, the other n.
const chooseWay = `v_many := greatest(${COMMON_IN_SAMPLE}, ceil(sqrt(${MAX_RANKED}.0 * v_stored) / ${SAMPLE_SHARE}));
  IF (SELECT count(*) FROM (${sampled("v_query", "v_many")}) AS s) = v_many THEN
    ${INDEXES}
  ELSE
    ${BITMAPS}
  END IF;`;

/**
 * `search_memory_texts`: memories by the words of a text. FULL_TEXT are those
 * that have the rarer words of it, or where all are common every one of them,
 * or failing that any; ranked by how rare the words are that they have (as in
 * BM25) and how little else they hold. TRIGRAM are those that have words spelt like them.
 *
 * What most memories have is never looked up in the index of all terms, whose
 * list of it is as long as the table: the sample's tells that it is common, and
 * then the newest memories are read until enough have it.
 */
export const memoryTextRoutine = `
CREATE FUNCTION holdfast.search_memory_texts(p_text text, p_limit integer, ${memoryFilterParameters})
RETURNS TABLE (method text, ${memoryCandidate}) ${SEARCH_DEFINER}
SET enable_indexscan = off SET enable_bitmapscan = on AS $$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_prefix text := ${termPrefixSql("v_tenant")};
  v_terms text[] := tsvector_to_array(${searchTermsSql("p_text", "v_tenant")});
  v_queries tsquery[];
  v_counts bigint[];
  v_weights double precision[];
  v_stored bigint;
  v_total bigint;
  v_query tsquery;
  v_rare tsquery;
  v_alike tsquery[] := '{}';
  v_likeness double precision[] := '{}';
  v_word text;
  v_count bigint;
  v_weight double precision;
  v_many integer;
BEGIN
  -- A lone character of an unspaced script says something only when nothing else is asked for.
  IF EXISTS (SELECT FROM unnest(v_terms) AS t WHERE char_length(t) > ${TERM_PREFIX_LENGTH + 1}) THEN
    v_terms := ARRAY(SELECT t FROM unnest(v_terms) AS t WHERE t !~ ${SINGLE});
  END IF;
  v_terms := ARRAY(SELECT t FROM unnest(v_terms) AS t ORDER BY char_length(t) DESC, t LIMIT ${MAX_TERMS});
  IF v_terms = '{}' THEN RETURN; END IF;
  v_queries := ARRAY(
    SELECT (format('''%s''', t) || CASE WHEN t ~ ${SINGLE} THEN ':*' ELSE '' END)::tsquery
    FROM unnest(v_terms) WITH ORDINALITY AS u(t, n) ORDER BY n);

  SELECT l.created_counts[${EntityKind.MEMORY}] - l.deleted_counts[${EntityKind.MEMORY}] INTO v_stored
  FROM holdfast.tenant_logs l WHERE l.tenant_id = v_tenant;
  v_total := v_stored;
  IF num_nonnulls(${FILTERS.join(", ")}) > 0 THEN
    SELECT count(*) INTO v_total
    FROM (SELECT FROM holdfast.memories m WHERE ${memoryFilter} LIMIT ${MAX_COUNTED}) AS counted;
    IF v_total = ${MAX_COUNTED} THEN v_total := 100 * v_total; END IF;
  END IF;

  SELECT array_agg(c.count ORDER BY q.n),
    array_agg((CASE WHEN c.count > ${COMMON} THEN 0.1
      ELSE ln(1 + (greatest(v_total, c.count) - c.count + 0.5) / (c.count + 0.5)) END)
      * CASE WHEN q.word ~ '[${UNSPACED}]' THEN 1 ELSE least(1, char_length(q.word) / ${FULL_WORD}) END ORDER BY q.n)
  INTO v_counts, v_weights
  FROM (
    SELECT query, n, substr(term, ${TERM_PREFIX_LENGTH + 1}) AS word
    FROM unnest(v_queries, v_terms) WITH ORDINALITY AS u(query, term, n)
  ) AS q, LATERAL (
    SELECT CASE WHEN (SELECT count(*) FROM (${sampled("q.query", COMMON_IN_SAMPLE)}) AS s) = ${COMMON_IN_SAMPLE}
      THEN ${COMMON + 1} ELSE (SELECT count(*) FROM (${all("q.query", COMMON + 1)}) AS s) END AS count
    OFFSET 0
  ) AS c;

  SELECT string_agg(r.query::text, ' | ')::tsquery INTO v_rare FROM (
    SELECT query, sum(count) OVER (ORDER BY count, n) AS taken
    FROM unnest(v_queries, v_counts) WITH ORDINALITY AS u(query, count, n) WHERE count BETWEEN 1 AND ${COMMON}
  ) AS r WHERE r.taken <= ${MAX_RANKED};
  IF v_rare IS NOT NULL THEN
    v_query := v_rare;
    ${ranked("FULL_TEXT", "v_queries", "v_weights")}
  ELSE
    IF 0 <> ALL (v_counts) THEN
      SELECT string_agg(q::text, ' & ')::tsquery INTO v_query FROM unnest(v_queries) AS q;
      ${chooseWay}
      ${ranked("FULL_TEXT", "v_queries", "v_weights")}
    END IF;
    IF v_query IS NULL OR NOT FOUND THEN
      SELECT string_agg(u.query::text, ' | ')::tsquery INTO v_query
      FROM unnest(v_queries, v_counts) AS u(query, count) WHERE count > 0;
      ${chooseWay}
      ${ranked("FULL_TEXT", "v_queries", "v_weights")}
    END IF;
  END IF;

  ${BITMAPS}
  FOR v_word, v_count IN
    SELECT substr(u.term, ${TERM_PREFIX_LENGTH + 1}), u.count FROM unnest(v_terms, v_counts) WITH ORDINALITY AS u(term, count, n)
    WHERE u.count <= ${FEW} AND char_length(u.term) >= ${TERM_PREFIX_LENGTH + 4}
      AND substr(u.term, ${TERM_PREFIX_LENGTH + 1}) !~ '[0-9${UNSPACED}]'
    ORDER BY u.n LIMIT ${MAX_RESPELT}
  LOOP
    -- Words outlive the memories that had them: only those that can be found take a place.
    FOR v_query, v_weight IN
      SELECT l.query, l.likeness FROM (
        SELECT format('''%s''', v_prefix || w.word)::tsquery AS query, w.likeness, w.n
        FROM holdfast.words_like(v_word, CASE WHEN v_count = 0 THEN ${ALIKE_UNKNOWN} ELSE ${ALIKE_KNOWN} END)
          WITH ORDINALITY AS w(word, likeness, n)
      ) AS l
      WHERE EXISTS (${sampled("l.query", 1)}) OR EXISTS (${all("l.query", 1)})
      ORDER BY l.n LIMIT ${MAX_ALIKE}
    LOOP
      v_alike := v_alike || v_query;
      v_likeness := v_likeness || v_weight;
    END LOOP;
  END LOOP;
  SELECT string_agg(q::text, ' | ')::tsquery INTO v_query FROM unnest(v_alike) AS q;
  IF v_query IS NOT NULL THEN
    ${chooseWay}
    ${ranked("TRIGRAM", "v_alike", "v_likeness")}
  END IF;
END $$`;

function ranked(method: string, queries: string, weights: string): string {
  return `RETURN QUERY SELECT '${method}', c.id,
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
