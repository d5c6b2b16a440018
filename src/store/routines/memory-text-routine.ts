import { EntityKind } from "../../../gen/holdfast/v1/log_pb.js";
import { SAMPLE_SHARE, SAMPLED } from "../memory-sample.js";
import { searchTermsSql, TERM_PREFIX_LENGTH, termPrefixSql, UNSPACED } from "../search-terms.js";
import {
  memoryCandidate,
  memoryFilter,
  memoryFilterParameters,
  memoryStands,
  PLANNED_SEARCH_DEFINER,
  SEARCH_DEFINER,
} from "./memory-filter.js";

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

/** A search among all of a tenant's memories, or among those that pass a filter. */
interface Scope {
  readonly routine: string;
  readonly parameters: string;
  readonly definer: string;
  /** The condition on a memory `m` that is found by its terms, and by its time. */
  readonly byTerms: string;
  readonly byTime: string;
  /** SQL that leaves in `v_total` how many memories, about, words are counted among. */
  readonly total: string;
}

const ALL: Scope = {
  routine: "search_all_memory_texts",
  parameters: "p_text text, p_limit integer",
  definer: PLANNED_SEARCH_DEFINER,
  // As a function, not `=`: a plan for whatever tenant must not take an index of tenants, which for a large one is all.
  byTerms: `uuid_eq(m.tenant_id, v_tenant) AND ${memoryStands}`,
  byTime: `m.tenant_id = v_tenant AND ${memoryStands}`,
  total: "v_total := v_stored;",
};

const FILTERED: Scope = {
  routine: "search_memory_texts",
  parameters: `p_text text, p_limit integer, ${memoryFilterParameters}`,
  definer: SEARCH_DEFINER,
  byTerms: memoryFilter,
  byTime: memoryFilter,
  total: `SELECT count(*) INTO v_total
  FROM (SELECT FROM holdfast.memories m WHERE ${memoryFilter} LIMIT ${MAX_COUNTED}) AS counted;
  IF v_total = ${MAX_COUNTED} THEN v_total := 100 * v_total; END IF;`,
};

/** The memories of a query, as many as are wanted. */
const all = ({ byTerms }: Scope, query: string, limit: string | number) =>
  `SELECT FROM holdfast.memories m WHERE ${byTerms} AND m.search_terms @@ ${query} LIMIT ${limit}`;
const sampled = ({ byTerms }: Scope, query: string, limit: string | number) =>
  `SELECT FROM holdfast.memories m WHERE ${SAMPLED} AND ${byTerms} AND m.search_terms @@ ${query} LIMIT ${limit}`;

/** How many memories of the sample have it, up to `v_many`; and how many of all, beyond `COMMON` only that. */
const counted = (scope: Scope, query: string) => `
    SELECT s.count AS sampled, CASE WHEN s.count >= ${COMMON_IN_SAMPLE} THEN ${COMMON + 1}
      ELSE (SELECT count(*) FROM (${all(scope, query, COMMON + 1)}) AS a) END AS count
    FROM (SELECT count(*) AS count FROM (${sampled(scope, query, "v_many")}) AS f OFFSET 0) AS s OFFSET 0`;

// Which kind of index scan the planner may use. The routine sets both for itself, so what is set within ends with it.
const BITMAPS =
  "PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);";
const INDEXES =
  "PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'off', true);";

// Newest first until enough are found, or all there are by the index of terms: whichever reads fewer memories. The
// planner would decide by statistics that may be older than most of the memories. With N memories, of which n match,
// the one reads about MAX_RANKED * N / n, the other n: `v_many` of the sample is where they are the same. Two statements,
// since a plan that is kept is of one way.
const rankedEitherWay = (scope: Scope, ...list: RankedList) => `
  IF (SELECT count(*) FROM (${sampled(scope, "v_query", "v_many")}) AS s) = v_many THEN
    ${INDEXES}
    ${ranked(`${scope.byTime} AND m.search_terms @@ v_query`, ...list)}
  ELSE
    ${BITMAPS}
    ${ranked(`${scope.byTerms} AND m.search_terms @@ v_query`, ...list)}
  END IF;`;

/**
 * `search_memory_texts`: memories that pass a filter by the words of a text;
 * `search_all_memory_texts`: of all the tenant has, for less. FULL_TEXT are those
 * that have the rarer words of it, or where all are common every one of them,
 * or failing that any; ranked by how rare the words are that they have (as in
 * BM25) and how little else they hold. TRIGRAM are those that have words spelt like them.
 *
 * What most memories have is never looked up in the index of all terms, whose
 * list of it is as long as the table: the sample's tells that it is common, and
 * then the newest memories are read until enough have it.
 */
export const memoryTextRoutines: readonly string[] = [ALL, FILTERED].map(textRoutine);

function textRoutine(scope: Scope): string {
  const words: RankedList = ["FULL_TEXT", "v_queries", "v_weights", MAX_TERMS];
  return `
CREATE FUNCTION holdfast.${scope.routine}(${scope.parameters})
RETURNS TABLE (method text, ${memoryCandidate}) ${scope.definer}
SET enable_indexscan = off SET enable_bitmapscan = on AS $$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_prefix text := ${termPrefixSql("v_tenant")};
  v_terms text[] := tsvector_to_array(${searchTermsSql("p_text", "v_tenant")});
  v_queries tsquery[];
  v_counts bigint[];
  v_sampled bigint[];
  v_weights double precision[];
  v_stored bigint;
  v_total bigint;
  v_query tsquery;
  v_rare tsquery;
  v_rarer tsquery;
  v_alike tsquery[] := '{}';
  v_likeness double precision[] := '{}';
  v_word text;
  v_count bigint;
  v_weight double precision;
  v_many integer;
  v_taken bigint;
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
  ${scope.total}
  v_many := greatest(${COMMON_IN_SAMPLE}, ceil(sqrt(${MAX_RANKED}.0 * v_stored) / ${SAMPLE_SHARE}));

  SELECT array_agg(c.count ORDER BY q.n), array_agg(c.sampled ORDER BY q.n),
    array_agg((CASE WHEN c.count > ${COMMON} THEN 0.1
      ELSE ln(1 + (greatest(v_total, c.count) - c.count + 0.5) / (c.count + 0.5)) END)
      * CASE WHEN q.word ~ '[${UNSPACED}]' THEN 1 ELSE least(1, char_length(q.word) / ${FULL_WORD}) END ORDER BY q.n)
  INTO v_counts, v_sampled, v_weights
  FROM (
    SELECT query, n, substr(term, ${TERM_PREFIX_LENGTH + 1}) AS word
    FROM unnest(v_queries, v_terms) WITH ORDINALITY AS u(query, term, n)
  ) AS q, LATERAL (${counted(scope, "q.query")}) AS c;

  SELECT string_agg(r.query::text, ' | ')::tsquery INTO v_rare FROM (
    SELECT query, sum(count) OVER (ORDER BY count, n) AS taken
    FROM unnest(v_queries, v_counts) WITH ORDINALITY AS u(query, count, n) WHERE count BETWEEN 1 AND ${COMMON}
  ) AS r WHERE r.taken <= ${MAX_RANKED};
  IF v_rare IS NOT NULL THEN
    v_query := v_rare;
    ${ranked(`${scope.byTerms} AND m.search_terms @@ v_query`, ...words)}
  ELSE
    IF 0 <> ALL (v_counts) THEN
      SELECT string_agg(q::text, ' & ')::tsquery, string_agg(q::text, ' & ') FILTER (WHERE sampled < v_many)::tsquery
      INTO v_query, v_rarer FROM unnest(v_queries, v_sampled) AS u(q, sampled);
      IF v_rarer IS NULL THEN
        ${rankedEitherWay(scope, ...words)}
      ELSE
        -- As a function, not @@, which would be looked up with the others.
        ${ranked(`${scope.byTerms} AND m.search_terms @@ v_rarer AND ts_match_vq(m.search_terms, v_query)`, ...words)}
      END IF;
    END IF;
    IF v_query IS NULL OR NOT FOUND THEN
      SELECT string_agg(u.query::text, ' | ')::tsquery INTO v_query
      FROM unnest(v_queries, v_counts) AS u(query, count) WHERE count > 0;
      ${rankedEitherWay(scope, ...words)}
    END IF;
  END IF;

  ${BITMAPS}
  FOR v_word, v_count IN
    SELECT substr(u.term, ${TERM_PREFIX_LENGTH + 1}), u.count FROM unnest(v_terms, v_counts) WITH ORDINALITY AS u(term, count, n)
    WHERE u.count <= ${FEW} AND char_length(u.term) >= ${TERM_PREFIX_LENGTH + 4}
      AND substr(u.term, ${TERM_PREFIX_LENGTH + 1}) !~ '[0-9${UNSPACED}]'
    ORDER BY u.n LIMIT ${MAX_RESPELT}
  LOOP
    v_taken := 0;
    -- Words outlive the memories that had them: only those that can be found take a place.
    FOR v_query, v_weight, v_count IN
      SELECT l.query, l.likeness, s.count FROM (
        SELECT format('''%s''', v_prefix || w.word)::tsquery AS query, w.likeness, w.n
        FROM holdfast.words_like(v_word, CASE WHEN v_count = 0 THEN ${ALIKE_UNKNOWN} ELSE ${ALIKE_KNOWN} END)
          WITH ORDINALITY AS w(word, likeness, n)
      ) AS l, LATERAL (SELECT count(*) AS count FROM (${sampled(scope, "l.query", COMMON_IN_SAMPLE)}) AS f OFFSET 0) AS s
      WHERE s.count > 0 OR EXISTS (${all(scope, "l.query", 1)})
      ORDER BY l.n LIMIT ${MAX_ALIKE}
    LOOP
      -- The likest first, until they have about as many as are ranked.
      EXIT WHEN v_taken >= ${MAX_RANKED};
      v_taken := v_taken + ${SAMPLE_SHARE} * v_count;
      v_alike := v_alike || v_query;
      v_likeness := v_likeness || v_weight;
    END LOOP;
  END LOOP;
  SELECT string_agg(q::text, ' | ')::tsquery INTO v_query FROM unnest(v_alike) AS q;
  IF v_query IS NOT NULL THEN
    ${rankedEitherWay(scope, "TRIGRAM", "v_alike", "v_likeness", MAX_RESPELT * MAX_ALIKE)}
  END IF;
END $$`;
}

/** By which method, and the names of the arrays of queries and of what having each is worth, so many at most. */
type RankedList = readonly [method: string, queries: string, weights: string, most: number];

function ranked(condition: string, ...[method, queries, weights, most]: RankedList): string {
  // One after the other: as a subquery over the arrays it takes as long as finding the memory.
  const worth = Array.from({ length: most }, (_, i) => i + 1).map(
    (n) => `CASE WHEN c.search_terms @@ ${queries}[${n}] THEN ${weights}[${n}] ELSE 0 END`,
  );
  return `RETURN QUERY SELECT '${method}', c.id, (${worth.join(" + ")}) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND ${condition}
    ORDER BY m.create_time DESC, m.id DESC LIMIT ${MAX_RANKED}
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;`;
}
