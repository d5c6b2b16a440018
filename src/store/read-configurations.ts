import { mapInTurns, type Turn } from "../core/in-turns.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow, recordFromState } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import { byteSize } from "./byte-size.js";
import type { Run } from "./database.js";
import { fittingRows, foundOf } from "./fitting-rows.js";

/** Configurations that bear on what is in force: of these keys, of no agent or this one. */
export interface ConfigurationRange {
  readonly tenantId: string;
  readonly keys: readonly string[];
  /** What keys begin with; every key is meant when there is neither. */
  readonly prefixes: readonly string[];
  /** Empty for none. */
  readonly agentId: string;
  readonly limit: number;
  /** Bytes of them at most, but for the first. */
  readonly maxBytes: number;
}

/** Some configurations, as many as there was room for. */
export interface FoundConfigurations {
  readonly records: readonly FieldBag[];
  /** How many there are within the limit; more than were read when these are too large. */
  readonly found: number;
}

/** Those not deleted, as they are. */
export async function readConfigurations(
  run: Run,
  codec: EntityCodec,
  range: ConfigurationRange,
  turn?: Turn,
): Promise<FoundConfigurations> {
  const { condition, values } = where(range);
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const rows = await run<Row>({
    text: fittingRows({
      columns,
      rows: `
SELECT ${columns.map((column) => `c.${column}`).join(", ")}, ${byteSize(codec.columns)} AS size
FROM holdfast.configurations c WHERE ${condition} AND c.delete_time IS NULL LIMIT $3`,
      room: "$4",
    }),
    values,
  });
  const records = await mapInTurns(rows, (row) => recordFromRow(codec, row), turn);
  return { records, found: foundOf(rows) };
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
  turn?: Turn,
): Promise<FoundConfigurations> {
  const { condition, values } = where(range);
  const rows = await run<[state: string, found: bigint]>({
    text: fittingRows({
      columns: ["state"],
      rows: `
SELECT r.state, octet_length(r.state::text) AS size FROM holdfast.configurations c CROSS JOIN LATERAL (
  SELECT state, change FROM holdfast.revisions
  WHERE tenant_id = $1::uuid AND entity = '${codec.entity.name}' AND entity_id = c.id
    AND position <= $${values.length + 1}::bigint
  ORDER BY revision DESC LIMIT 1
) r
WHERE ${condition} AND r.change <> 'DELETED' LIMIT $3`,
      room: "$4",
    }),
    values: [...values, position],
  });
  const records = await mapInTurns(rows, ([state]) => recordFromState(codec, state), turn);
  return { records, found: foundOf(rows) };
}

function where({ tenantId, keys, prefixes, agentId, limit, maxBytes }: ConfigurationRange) {
  const values: unknown[] = [tenantId, agentId, limit, maxBytes];
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
