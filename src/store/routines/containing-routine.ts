import { DEFINER } from "./log-routines.js";

/** Rows of the list that are tried first, and how many of them make a label common. */
const SAMPLED = 2000;
const COMMON = 10;
/** Rows at most that are worth fetching by their index: fetching more takes longer than walking the list to a page of them. */
const RARE = 2000;

/**
 * `ids_containing`: the rows of the caller's tenant whose labels or tags hold
 * these; null where they are so many that a list, which goes by the columns
 * `p_order`, finds a page of them by walking.
 * A routine of the append path, because a row policy keeps operators of jsonb
 * from using an index.
 */
export const containingRoutine = `
CREATE FUNCTION holdfast.ids_containing(p_table text, p_column text, p_json jsonb, p_order text[]) RETURNS uuid[]
${DEFINER} SET enable_seqscan = off STABLE AS $$
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_order text := (SELECT string_agg(format('t.%I DESC', k), ', ') FROM unnest(p_order) AS k);
  v_hits integer;
  v_ids uuid[];
BEGIN
  EXECUTE format('
    SELECT count(*) FROM (
      SELECT t.%2$I AS content FROM holdfast.%1$I t WHERE t.tenant_id = $1
      ORDER BY %3$s LIMIT ${SAMPLED}
    ) AS sampled WHERE content @> $2', p_table, p_column, v_order)
  INTO v_hits USING v_tenant, p_json;
  IF v_hits >= ${COMMON} THEN RETURN NULL; END IF;

  -- The tenant is part of what the index holds, see createContentIndex.
  EXECUTE format('
    SELECT array_agg(id) FROM (
      SELECT t.id FROM holdfast.%1$I t
      WHERE jsonb_set(''{}'', ARRAY[t.tenant_id::text], t.%2$I) @> $1
        AND t.%2$I <> ''{}''::jsonb AND t.%2$I <> ''[]''::jsonb
      LIMIT ${RARE + 1}
    ) AS found', p_table, p_column)
  INTO v_ids USING jsonb_build_object(v_tenant::text, p_json);
  IF cardinality(v_ids) > ${RARE} THEN RETURN NULL; END IF;
  RETURN coalesce(v_ids, '{}');
END $$`;
