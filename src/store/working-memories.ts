import { mapInTurns } from "../core/in-turns.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import type { Run, Statement } from "./database.js";

/** Whose working memories: sessions by id, and agents outside any session, '' being those without a name. */
export interface WorkingOwners {
  readonly sessionIds: readonly string[];
  readonly agentIds: readonly string[];
}

/** Every memory of type WORKING of these owners. */
export async function readWorkingMemories(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  owners: WorkingOwners,
): Promise<readonly FieldBag[]> {
  const rows = await run<Row>(workingMemories(codec, tenantId, owners));
  return mapInTurns(rows, (row) => recordFromRow(codec, row));
}

/** The statement of these, for those who explain it. */
export function workingMemories(
  codec: EntityCodec,
  tenantId: string,
  { sessionIds, agentIds }: WorkingOwners,
): Required<Statement> {
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const working = `
SELECT ${columns.join(", ")} FROM holdfast.${codec.entity.table}
WHERE tenant_id = $1::uuid AND type = 'WORKING' AND delete_time IS NULL`;
  const named = agentIds.filter((agentId) => agentId !== "");
  return {
    name: "working memories",
    text: `${working} AND session_id = ANY ($2::uuid[])
UNION ALL ${working} AND session_id IS NULL AND agent_id = ANY ($3::text[])
UNION ALL ${working} AND session_id IS NULL AND agent_id IS NULL AND $4::boolean`,
    values: [tenantId, binaryArray("uuid", sessionIds), binaryArray("text", named), agentIds.includes("")],
  };
}
