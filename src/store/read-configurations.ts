import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow, recordFromState } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import type { Run } from "./database.js";

/** Configurations that bear on what is in force: of these keys, of no agent or this one. */
export interface ConfigurationRange {
  readonly tenantId: string;
  readonly keys: readonly string[];
  /** What keys begin with; every key is meant when there is neither. */
  readonly prefixes: readonly string[];
  /** Empty for none. */
  readonly agentId: string;
  readonly limit: number;
}

/** Those not deleted, as they are. */
export async function readConfigurations(
  run: Run,
  codec: EntityCodec,
  range: ConfigurationRange,
): Promise<readonly FieldBag[]> {
  const { condition, values } = where(range);
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const rows = await run<Row>({
    text: `
SELECT ${columns.map((column) => `c.${column}`).join(", ")} FROM holdfast.configurations c
WHERE ${condition} AND c.delete_time IS NULL LIMIT $3`,
    values,
  });
  return rows.map((row) => recordFromRow(codec, row));
}

/**
 * Those not deleted at a position, as they were. Key, layer and agent never
 * change, so the current rows, deleted ones too, say whose revisions to read.
 */
export async function readConfigurationsAt(
  run: Run,
  codec: EntityCodec,
  range: ConfigurationRange,
  position: bigint,
): Promise<readonly FieldBag[]> {
  const { condition, values } = where(range);
  const rows = await run<[state: string]>({
    text: `
SELECT r.state FROM holdfast.configurations c CROSS JOIN LATERAL (
  SELECT state, change FROM holdfast.revisions
  WHERE tenant_id = $1::uuid AND entity = '${codec.entity.name}' AND entity_id = c.id
    AND position <= $${values.length + 1}::bigint
  ORDER BY revision DESC LIMIT 1
) r
WHERE ${condition} AND r.change <> 'DELETED' LIMIT $3`,
    values: [...values, position],
  });
  return rows.map(([state]) => recordFromState(codec, state));
}

function where({ tenantId, keys, prefixes, agentId, limit }: ConfigurationRange) {
  const values: unknown[] = [tenantId, agentId, limit];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const any = [
    ...(keys.length > 0 ? [`c.key = ANY (${bind(binaryArray("text", keys))}::text[])`] : []),
    ...prefixes.map((prefix) => `c.key ^@ ${bind(prefix)}::text`),
  ];
  const condition = [
    "c.tenant_id = $1::uuid",
    "coalesce(c.agent_id, '') IN ('', $2::text)",
    ...(any.length > 0 ? [`(${any.join(" OR ")})`] : []),
  ].join(" AND ");
  return { condition, values };
}
