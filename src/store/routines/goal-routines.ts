import { DEFINER } from "./log-routines.js";

/** The ids of the tenant and of what a goal depends on, as goals_depends_on holds them. */
const TENANT_DEPENDENCIES = `(('["' || g.tenant_id::text || '"]')::jsonb || g.depends_on)`;

/**
 * Which goals are BLOCKED and wait for one of these. A routine of the append
 * path, because a row policy keeps operators of json from using an index.
 */
export const blockedDependentsRoutine = `
CREATE FUNCTION holdfast.blocked_dependents(p_tenant uuid, p_ids uuid[]) RETURNS SETOF uuid ${DEFINER} STABLE AS $$
BEGIN
  RETURN QUERY
  SELECT DISTINCT g.id FROM unnest(p_ids) AS d (id)
  JOIN holdfast.goals g ON ${TENANT_DEPENDENCIES} @> jsonb_build_array(p_tenant, d.id)
  WHERE g.tenant_id = p_tenant AND g.depends_on <> '[]'::jsonb
    AND g.status = 'BLOCKED' AND g.delete_time IS NULL;
END $$`;
