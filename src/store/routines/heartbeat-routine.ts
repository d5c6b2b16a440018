import { DEFINER } from "./log-routines.js";
import { WAIT_UNTIL_DURABLE } from "./write-settings.js";

/** How long the row of a server that is gone stays; long enough for whoever looks into what happened to it. */
const KEPT = "1 hour";

/**
 * Writes the row of one server. It needs what a flush needs: the language, the rights of holdfast_append on the tables of
 * the log, and a COMMIT that is as durable. So it fails, or waits, when a flush would. It adds nothing to any log.
 */
export const heartbeatRoutine = `
CREATE FUNCTION holdfast.heartbeat(p_id uuid, p_version text, p_oldest_schema text, p_newest_schema text)
RETURNS void ${DEFINER} AS $$
BEGIN
  ${WAIT_UNTIL_DURABLE}

  -- Postgres checks the rights of a statement that changes no row as well.
  UPDATE holdfast.tenant_logs SET position = position WHERE false;
  INSERT INTO holdfast.commits SELECT * FROM holdfast.commits WHERE false;

  INSERT INTO holdfast.servers AS s (id, version, oldest_schema, newest_schema, heartbeat_time)
  VALUES (p_id, p_version, p_oldest_schema, p_newest_schema, clock_timestamp())
  ON CONFLICT (id) DO UPDATE SET heartbeat_time = excluded.heartbeat_time;

  -- Another server may be removing them: its COMMIT is not waited for.
  DELETE FROM holdfast.servers WHERE id IN (
    SELECT s.id FROM holdfast.servers s WHERE s.heartbeat_time < clock_timestamp() - interval '${KEPT}'
    FOR UPDATE SKIP LOCKED);
END $$`;
