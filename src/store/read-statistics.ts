import type { Run } from "./database.js";
import { lastPositionSql } from "./position-search.js";

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

/** The last position committed at least so many seconds ago, 0 if none was. */
export async function readPositionBefore(
  run: Run,
  tenantId: string,
  seconds: number,
  lastPosition: bigint,
): Promise<bigint> {
  const [row] = await run<[position: bigint]>({
    name: "position before",
    text: lastPositionSql(
      "$1::uuid",
      "$2::bigint",
      "c.commit_time <= now() - $3::integer * interval '1 second'",
    ),
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
