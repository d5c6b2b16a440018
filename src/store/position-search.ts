/**
 * The SQL of the last position whose commit `c` is early, 0 if none is. Commit
 * times never decrease with position, so halving finds it by the log's own index,
 * in some 30 steps however long the log is.
 *
 * @param tenant, lastPosition expressions: whose log, and where it ends
 * @param isEarly a condition on `c.commit_time` that holds up to some time and not after
 */
export function lastPositionSql(tenant: string, lastPosition: string, isEarly: string): string {
  return `
WITH RECURSIVE search (low, high) AS (
  SELECT 0::bigint, ${lastPosition}
  UNION ALL
  SELECT
    CASE WHEN ${isEarly} THEN c.position ELSE s.low END,
    CASE WHEN ${isEarly} THEN s.high ELSE least(c.first_position - 1, (s.low + s.high) / 2) END
  FROM search s CROSS JOIN LATERAL (
    SELECT position, first_position, commit_time FROM holdfast.commits
    WHERE tenant_id = ${tenant} AND position > (s.low + s.high) / 2 ORDER BY position LIMIT 1
  ) AS c
  WHERE s.low < s.high
)
SELECT low FROM search WHERE low = high`;
}
