import pg from "pg";
import type { EntityCodec } from "../../entities/entity-codec.js";
import type { Run } from "../database.js";

/** What every appended row has besides its entity's columns. */
const OF_THE_LOG = ["tenant_id", "position", "create_time", "content_hash"];

/**
 * Columns of an append-only table that are no part of what was appended, and so
 * of no hash: what was noted of a row afterwards.
 */
export async function outsideColumns(run: Run, codec: EntityCodec): Promise<readonly string[]> {
  const rows = await run<[string]>({
    text: `
SELECT attname FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND attname <> ALL ($2::text[])
ORDER BY attname`,
    values: [`holdfast.${codec.entity.table}`, [...OF_THE_LOG, ...codec.columns.map(({ name }) => name)]],
  });
  return rows.map(([name]) => name);
}

/** Sets them on a row; values are as Postgres writes them. The columns must be among `outsideColumns`. */
export async function setOutsideColumns(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  id: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const table = `holdfast.${codec.entity.table}`;
  const names = Object.keys(values)
    .map((name) => pg.escapeIdentifier(name))
    .join(", ");
  await run({
    text: `UPDATE ${table} SET (${names}) = (SELECT ${names} FROM json_populate_record(NULL::${table}, $3::json))
WHERE tenant_id = $1::uuid AND id = $2::uuid`,
    values: [tenantId, id, JSON.stringify(values)],
  });
}
