import pg from "pg";
import type { Run } from "../database.js";

/** A table as a backup has it. */
export interface TableLayout {
  readonly name: string;
  /** All that are stored rather than computed from others, in order. */
  readonly columns: readonly string[];
}

export interface FoundTable extends TableLayout {
  /** Whether even the owner sees only the rows that a policy lets it see. */
  readonly isForced: boolean;
}

/** What the schema itself consists of, and who runs on it: migrating and serving make these, not restoring. */
const NOT_RECORDED = ["migrations", "migrations_lock", "routines", "servers"];

/** Every table of the schema that holds what was recorded; none if there is no schema. */
export async function readTableLayouts(run: Run): Promise<readonly FoundTable[]> {
  const rows = await run<[name: string, isForced: boolean, columns: string[]]>({
    text: `
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
  array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = '')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = 'holdfast' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> ALL ($1::text[])
GROUP BY c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity
ORDER BY c.relname`,
    values: [NOT_RECORDED],
  });
  return rows.map(([name, isForced, columns]) => ({ name, isForced, columns }));
}

/** The migrations that the database had, in the order they were applied; none without a schema. */
export async function readAppliedMigrations(run: Run): Promise<readonly string[]> {
  const [found] = await run<[string | null]>("SELECT to_regclass('holdfast.migrations')::text");
  if (!found?.[0]) return [];
  const rows = await run<[string]>("SELECT name FROM holdfast.migrations ORDER BY name");
  return rows.map(([name]) => name);
}

/** A table and its columns, as they are named in a COPY. */
export function copyNames({ name, columns }: TableLayout): { table: string; columns: string } {
  return {
    table: `holdfast.${pg.escapeIdentifier(name)}`,
    columns: columns.map((column) => pg.escapeIdentifier(column)).join(", "),
  };
}
