import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type BackupOptions, backUp } from "../../src/archive/backup.js";
import { decryptWith } from "../../src/archive/encryption.js";
import { type RestoreOptions, restore } from "../../src/archive/restore.js";
import { codecs, temporaryFolder } from "./archives.js";
import { createTestDatabase } from "./create-test-database.js";
import { query } from "./query.js";

/** For {@link keepBusy}: rows of every kind. */
export const PLAN = [0, 2, 3, 4, 5, 6, 7, 8, 9, 2, 0, 1].map((step, i) => [step, i * 7, i * 5] as const);

export async function emptyDatabase(schema: "migrated" | "empty" = "empty"): Promise<string> {
  const { url, close } = await createTestDatabase({ schema });
  onTestFinished(close);
  return url;
}

export async function backupOf(url: string, more: Partial<BackupOptions> = {}) {
  const file = join(await temporaryFolder(), "backup");
  return { file, ...(await backUp({ url, file, version: "0.0.0", ...more })) };
}

export async function restoreTo(url: string, file: string, more: Partial<RestoreOptions> = {}) {
  return restore({ url, file, decrypt: await decryptWith([]), codecs, ...more });
}

/** Every row of every table that holds what was recorded, as text. */
export async function contents(url: string): Promise<Record<string, string[]>> {
  const tables = await query<{ table_name: string }>(
    url,
    `SELECT table_name FROM information_schema.tables WHERE table_schema = 'holdfast'
     AND table_name NOT IN ('migrations', 'migrations_lock', 'routines', 'servers') ORDER BY 1`,
  );
  const rows: Record<string, string[]> = {};
  for (const { table_name: table } of tables) {
    const found = await query<{ row: string }>(
      url,
      `SELECT t::text AS row FROM holdfast.${table} t ORDER BY 1`,
    );
    rows[table] = found.map(({ row }) => row);
  }
  return rows;
}

export async function isUntouched(url: string): Promise<boolean> {
  return (await query(url, "SELECT FROM pg_namespace WHERE nspname = 'holdfast'")).length === 0;
}
