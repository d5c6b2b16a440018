/** An expression for the timeline of a primary. A promotion begins a new one. It fails on a standby. */
export const TIMELINE = "left(pg_walfile_name(pg_current_wal_lsn()), 8)";

/**
 * The same while COMMITs on the primary wait for a synchronous standby, and else an empty text. What a statement reads while it
 * is not empty may be committed on the primary alone: the wait for it was cancelled, or Postgres was started again in the
 * middle of it. A later COMMIT that waited to its end proves that it is on the standby too, if it is of the same timeline.
 */
export const SYNC_TIMELINE = `CASE WHEN current_setting('synchronous_standby_names') <> '' AND NOT pg_is_in_recovery()
  THEN ${TIMELINE} ELSE '' END`;
