import { byKey } from "../by-key.js";
import { LIMIT_LOCK_WAITS, WAIT_UNTIL_DURABLE } from "./write-settings.js";

/** The function header every routine of the append path has. */
export const DEFINER =
  "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'";
/**
 * The header of those that find each row by its key. Left to choose, Postgres
 * plans a statement over an array anew for each call, though no array's content
 * would change the plan: that took more than half the time of a lone append.
 * And of a table that was vacuumed while it was empty it believes that reading
 * all of it costs nothing, also when the plan it keeps meets a million rows.
 */
export const BY_KEY_DEFINER = `${DEFINER} SET plan_cache_mode = force_generic_plan SET enable_seqscan = off`;

/** Raised by begin_append; its detail is a JSON array of `{id, status}`. */
export const SESSION_NOT_ACTIVE = "HF001";
/** Raised by put_…: a row changed between being locked and being written. */
export const ROW_CHANGED = "HF002";
/** Raised by begin_append when the flush that must come before is not stored. */
export const NOT_IN_TURN = "HF003";

/** What concerns the log itself rather than one entity. */
export function logRoutines(): readonly string[] {
  return [beginAppend, tenantIds, logPositions];
}

// Locks the tenant's log, checks what must still be true at this position, and
// moves the end of the log. Everything else a flush does comes after, in the
// same statement, so this lock is the last one taken and held for the shortest
// time. Sessions are read after the lock: whoever closes one holds it too, so
// what is read here is so at this position. `p_tally` has four numbers for each
// entity: its kind, and how many things are created, deleted, changed in any way.
//
// A flush may be sent before the one ahead of it is known to be stored, and must
// not be stored without it. So each leaves its turn in a setting of its session,
// which Postgres takes back with the transaction that made it, and the next one
// names the turn it comes after. A turn is of one attempt and never used again:
// where the setting has it, that very attempt is committed, whatever became of
// the connection, whoever else wrote meanwhile, and whichever session a pooler
// between chose; where it does not, nothing is written and the flush comes again.
const beginAppend = `
CREATE FUNCTION holdfast.begin_append(
  p_tenant uuid, p_count integer, p_content_hashes bytea, p_active_sessions uuid[], p_tally integer[],
  p_after text, p_turn text,
  OUT first_position bigint, OUT commit_time timestamptz, OUT log_id uuid,
  OUT previous_hash bytea, OUT commit_hash bytea
) ${BY_KEY_DEFINER} AS $$
DECLARE
  v_position bigint;
  v_commit_time timestamptz;
  v_not_active json;
  v_created bigint[];
  v_deleted bigint[];
  v_changes bigint[];
  v_kind integer;
BEGIN
  ${WAIT_UNTIL_DURABLE}
  ${LIMIT_LOCK_WAITS}

  IF p_after IS NOT NULL AND p_after IS DISTINCT FROM current_setting('holdfast.turn', true) THEN
    RAISE EXCEPTION 'the flush before this one is not stored' USING ERRCODE = '${NOT_IN_TURN}';
  END IF;
  IF p_turn IS NOT NULL THEN
    PERFORM set_config('holdfast.turn', p_turn, false);
  END IF;

  LOOP
    SELECT l.position, l.hash, l.commit_time, l.log_id, l.created_counts, l.deleted_counts, l.change_counts
    INTO v_position, previous_hash, v_commit_time, log_id, v_created, v_deleted, v_changes
    FROM holdfast.tenant_logs l WHERE l.tenant_id = p_tenant FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO holdfast.tenant_logs (tenant_id, log_id, position, hash)
    VALUES (p_tenant, gen_random_uuid(), 0, ''::bytea) ON CONFLICT DO NOTHING;
  END LOOP;

  IF p_active_sessions IS NOT NULL THEN
    SELECT json_agg(json_build_object('id', a.id, 'status',
             CASE WHEN s.delete_time IS NOT NULL THEN 'DELETED' ELSE s.status END))
    INTO v_not_active
    FROM unnest(p_active_sessions) AS a(id)
    LEFT JOIN ${byKey("sessions", "s", "a.id", "p_tenant")} ON true
    WHERE s.status IS DISTINCT FROM 'ACTIVE' OR s.delete_time IS NOT NULL;
    IF v_not_active IS NOT NULL THEN
      RAISE EXCEPTION 'session not active' USING ERRCODE = '${SESSION_NOT_ACTIVE}', DETAIL = v_not_active::text;
    END IF;
  END IF;

  first_position := v_position + 1;
  commit_time := greatest(clock_timestamp(), v_commit_time);
  v_position := v_position + p_count;
  commit_hash := sha256(previous_hash || int8send(first_position) || int8send(v_position)
    || int8send((extract(epoch FROM commit_time) * 1000000)::bigint) || p_content_hashes);

  FOR i IN 1 .. cardinality(p_tally) BY 4 LOOP
    v_kind := p_tally[i];
    v_created[v_kind] := coalesce(v_created[v_kind], 0) + p_tally[i + 1];
    v_deleted[v_kind] := coalesce(v_deleted[v_kind], 0) + p_tally[i + 2];
    v_changes[v_kind] := coalesce(v_changes[v_kind], 0) + p_tally[i + 3];
  END LOOP;

  UPDATE holdfast.tenant_logs l SET position = v_position, hash = commit_hash, commit_time = begin_append.commit_time,
    created_counts = v_created, deleted_counts = v_deleted, change_counts = v_changes
  WHERE l.tenant_id = p_tenant;
  INSERT INTO holdfast.commits (tenant_id, position, first_position, commit_time, hash)
  VALUES (p_tenant, v_position, first_position, begin_append.commit_time, commit_hash);
END $$`;

const tenantIds = `
CREATE FUNCTION holdfast.tenant_ids() RETURNS SETOF uuid ${DEFINER} STABLE AS $$
BEGIN
  RETURN QUERY SELECT l.tenant_id FROM holdfast.tenant_logs l ORDER BY l.tenant_id;
END $$`;

// For each tenant where its log ends, and the hash of the commit that ends at a position: null if none does.
const logPositions = `
CREATE FUNCTION holdfast.log_positions(p_tenants uuid[], p_positions bigint[])
RETURNS TABLE (tenant_id uuid, "position" bigint, hash bytea)
${DEFINER} STABLE AS $$
BEGIN
  RETURN QUERY SELECT a.tenant_id, coalesce(l.position, 0), c.hash
  FROM unnest(p_tenants, p_positions) AS a (tenant_id, position)
  LEFT JOIN holdfast.tenant_logs l ON l.tenant_id = a.tenant_id
  LEFT JOIN holdfast.commits c ON c.tenant_id = a.tenant_id AND c.position = a.position;
END $$`;
