import type { Run } from "./database.js";

/** Things of one entity that a tenant has, counted by the flushes that made them. */
export type EntityCounts = [kind: number, created: bigint, deleted: bigint, changes: bigint];

/** The tenant's counts as of the end of its log in the caller's snapshot; an entity without any is left out. */
export function readCounts(run: Run, tenantId: string): Promise<EntityCounts[]> {
  return run<EntityCounts>({
    name: "counts",
    text: `
SELECT kind, l.created_counts[kind], l.deleted_counts[kind], l.change_counts[kind]
FROM holdfast.tenant_logs l, generate_subscripts(l.change_counts, 1) AS kind
WHERE l.tenant_id = $1::uuid AND l.change_counts[kind] > 0 ORDER BY kind`,
    values: [tenantId],
  });
}

/**
 * The last position committed at least so many seconds ago, 0 if none was.
 * Commit times never decrease with position, so halving finds it by the log's
 * own index, in some 30 steps however long the log is.
 */
export async function readPositionBefore(
  run: Run,
  tenantId: string,
  seconds: number,
  lastPosition: bigint,
): Promise<bigint> {
  const [row] = await run<[position: bigint]>({
    name: "position before",
    text: `
WITH RECURSIVE search (low, high) AS (
  SELECT 0::bigint, $2::bigint
  UNION ALL
  SELECT
    CASE WHEN c.commit_time > now() - $3::integer * interval '1 second' THEN s.low ELSE c.position END,
    CASE WHEN c.commit_time > now() - $3::integer * interval '1 second' THEN c.first_position - 1 ELSE s.high END
  FROM search s CROSS JOIN LATERAL (
    SELECT position, first_position, commit_time FROM holdfast.commits
    WHERE tenant_id = $1::uuid AND position > (s.low + s.high) / 2 ORDER BY position LIMIT 1
  ) AS c
  WHERE s.low < s.high
)
SELECT low FROM search WHERE low = high`,
    values: [tenantId, lastPosition, seconds],
  });
  return row?.[0] ?? 0n;
}

export type TableAnswer = [
  name: string,
  tableBytes: bigint,
  indexBytes: bigint,
  liveRows: bigint,
  deadRows: bigint,
];

/** What the database knows of each of its tables without reading them. */
export function readTables(run: Run): Promise<TableAnswer[]> {
  return run<TableAnswer>({
    name: "tables",
    text: `
SELECT c.relname::text, pg_table_size(c.oid), pg_indexes_size(c.oid),
  pg_stat_get_live_tuples(c.oid), pg_stat_get_dead_tuples(c.oid)
FROM pg_class c WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind = 'r' ORDER BY c.relname`,
  });
}

/** Blocks of the tables and their indexes that were asked for, and of those found in memory. */
export async function readBlocks(run: Run): Promise<{ readonly asked: number; readonly hit: number }> {
  const [row] = await run<[hit: number, read: number]>({
    name: "blocks",
    text: `
SELECT
  coalesce(sum(coalesce(heap_blks_hit, 0) + coalesce(idx_blks_hit, 0) + coalesce(toast_blks_hit, 0)), 0)::double precision,
  coalesce(sum(coalesce(heap_blks_read, 0) + coalesce(idx_blks_read, 0) + coalesce(toast_blks_read, 0)), 0)::double precision
FROM pg_statio_user_tables WHERE schemaname = 'holdfast'`,
  });
  const [hit = 0, read = 0] = row ?? [];
  return { asked: hit + read, hit };
}
