import { LOCK_TIMEOUT_MS } from "../begin-as.js";

/** The statements of a routine that writes, so that it does not wait for a lock without end. */
export const LIMIT_LOCK_WAITS = `-- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', true) IS NULL THEN NULL; END IF;`;

/**
 * The statements of a routine after which its COMMIT is as durable as an acknowledgement promises, and says so when it is
 * not. Settings that are local to the transaction hold during its COMMIT. No timeout has to be lifted for it: tried on
 * Postgres 18.4, statement_timeout, transaction_timeout, idle_in_transaction_session_timeout, lock_timeout and
 * client_connection_check_interval end no COMMIT that waits for a standby, in either protocol and in a pipeline.
 */
export const WAIT_UNTIL_DURABLE = `-- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;`;
