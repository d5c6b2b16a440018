import { TIMELINE } from "../timeline.js";
import { DEFINER } from "./log-routines.js";
import { LIMIT_LOCK_WAITS, WAIT_UNTIL_DURABLE } from "./write-settings.js";

/**
 * Makes its transaction write something to the WAL and nothing to any table, so that its COMMIT waits for a synchronous
 * standby as every other. Standbys receive the WAL in order: when that COMMIT ends, whatever was visible before it began is
 * there too. Answers the timeline that it is of.
 *
 * A server that gave up waiting for the answer may ask again: its next one waits for the lock, not in a COMMIT of its own.
 */
export const commitBarrierRoutine = `
CREATE FUNCTION holdfast.commit_barrier(p_server text) RETURNS text ${DEFINER} AS $$
BEGIN
  ${WAIT_UNTIL_DURABLE}
  ${LIMIT_LOCK_WAITS}
  PERFORM pg_advisory_xact_lock(hashtextextended('holdfast commit barrier ' || p_server, 0));
  PERFORM pg_logical_emit_message(true, 'holdfast', '');
  RETURN ${TIMELINE};
END $$`;
