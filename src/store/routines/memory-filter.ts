/**
 * What both search routines filter by, as parameters: null matches everything,
 * a list any of its values, `p_tags` and `p_labels` what must be contained.
 */
export const memoryFilterParameters = `
  p_types text[], p_goals uuid[], p_sessions uuid[], p_agents text[], p_tags jsonb, p_labels jsonb,
  p_from timestamptz, p_before timestamptz`;

/** What is deleted or has expired is never found. */
export const memoryStands = `m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())`;

/** The condition on a memory `m` of tenant `v_tenant`. */
export const memoryFilter = `
  m.tenant_id = v_tenant AND ${memoryStands}
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before)`;

/** What a search routine answers of each memory it found. */
export const memoryCandidate = `
  id uuid, score double precision, importance double precision, success_score double precision,
  create_time timestamptz`;

/**
 * The header of a search routine. It reads what the caller's own policies let it
 * see, the tenant being that of the transaction: policies would keep the
 * planner from every index but the tenant's, since @@ is not leakproof. Never by
 * reading the whole table, which is of many tenants.
 */
const DEFINER = `LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET enable_seqscan = off`;

/** Planned anew each time: what is filtered by, and how rare it is, decides how to find it. */
export const SEARCH_DEFINER = `${DEFINER} SET plan_cache_mode = force_custom_plan`;

/** Planned once a connection, for a search that has one way whatever is asked: planning takes as long as some searches. */
export const PLANNED_SEARCH_DEFINER = `${DEFINER} SET plan_cache_mode = force_generic_plan`;
