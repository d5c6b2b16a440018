/**
 * An expression for the timeline of the primary, while COMMITs there wait for a synchronous standby, and else for an empty
 * text. What a statement reads while it is not empty may be committed on the primary alone: the wait for it was cancelled, or
 * Postgres was started again in the middle of it. A promotion begins a timeline, so a later COMMIT proves that what was read
 * is on the standby only if it is of the same timeline.
 */
export const SYNC_TIMELINE = `CASE WHEN current_setting('synchronous_standby_names') <> '' AND NOT pg_is_in_recovery()
  THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) ELSE '' END`;
