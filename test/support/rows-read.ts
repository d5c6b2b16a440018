import { setTimeout as delay } from "node:timers/promises";
import { query } from "./query.js";

/** Within which a backend tells what it has read, once it has not for as long. */
const STATISTICS_MS = 1100;

/** Rows of these tables that were read by index or by reading a whole table, since the database was made. */
export async function rowsRead(databaseUrl: string, tables: readonly string[]): Promise<number> {
  const [row] = await query<{ read: bigint }>(
    databaseUrl,
    `SELECT sum(coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0))::bigint AS read
     FROM pg_stat_all_tables WHERE schemaname = 'holdfast' AND relname IN ('${tables.join("','")}')`,
  );
  return Number(row?.read);
}

/** @param touch makes each connection tell of what it did before, by doing something */
export async function settleRowsRead(touch: () => Promise<unknown>): Promise<void> {
  await delay(STATISTICS_MS);
  await touch();
  await delay(STATISTICS_MS);
}

/** Leaves the statistics of these tables as they are. */
export async function stopAutovacuum(databaseUrl: string, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    await query(databaseUrl, `ALTER TABLE holdfast.${table} SET (autovacuum_enabled = false)`);
  }
}
