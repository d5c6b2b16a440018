import { migrateWithin } from "../migrate.js";
import type { OwnerSession } from "../owner-session.js";
import { kyselyWithin } from "./kysely-within.js";
import {
  copyNames,
  type FoundTable,
  readAppliedMigrations,
  readTableLayouts,
  type TableLayout,
} from "./table-layouts.js";

/** A database that rows are being loaded into, within one transaction. */
export interface LoadingDatabase {
  /** The tables there are to load into. */
  readonly tables: readonly FoundTable[];
  /** Of these tables, the ones that hold something already. */
  readonly occupied: readonly string[];
  /** Writes rows as `copyTable` gave them. @returns how many */
  load(table: TableLayout, rows: Uint8Array): Promise<number>;
  /** Puts the policies back, brings the schema to this version and takes the statistics that queries are planned by. */
  finish(): Promise<void>;
}

/** The migrations of the target, before anything is done to it. */
export function targetMigrations({ run }: OwnerSession): Promise<readonly string[]> {
  return readAppliedMigrations(run);
}

/**
 * Brings the target to the schema that the rows come from and takes its tables
 * for this transaction alone.
 *
 * @param lastMigration the last one of the database that the rows come from.
 */
export async function beginLoading(session: OwnerSession, lastMigration: string): Promise<LoadingDatabase> {
  const { run } = session;
  const db = kyselyWithin(session.client);
  await migrateWithin(db, lastMigration);
  const tables = await readTableLayouts(run);
  const forced = tables.filter((table) => table.isForced);
  // COPY cannot write through policies, and the owner must see what is there.
  for (const table of forced) await run(`ALTER TABLE ${copyNames(table).table} NO FORCE ROW LEVEL SECURITY`);
  const occupied: string[] = [];
  for (const table of tables) {
    const { table: name } = copyNames(table);
    await run(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
    const [row] = await run<[boolean]>(`SELECT EXISTS (SELECT FROM ${name})`);
    if (row?.[0]) occupied.push(table.name);
  }
  return {
    tables,
    occupied,
    load(table, rows) {
      const names = copyNames(table);
      return session.copyIn(`COPY ${names.table} (${names.columns}) FROM STDIN`, rows);
    },
    async finish() {
      for (const table of forced) await run(`ALTER TABLE ${copyNames(table).table} FORCE ROW LEVEL SECURITY`);
      await migrateWithin(db);
      for (const table of await readTableLayouts(run)) await run(`ANALYZE ${copyNames(table).table}`);
    },
  };
}
