import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import { commitColumns } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import { byteSize } from "./byte-size.js";
import type { Run, Statement } from "./database.js";
import { type FittingRecords, fittingRecords } from "./fitting-records.js";
import { fittingRows } from "./fitting-rows.js";

/** Whose working memories: sessions by id, and agents outside any session, '' being those without a name. */
export interface WorkingOwners {
  readonly sessionIds: readonly string[];
  readonly agentIds: readonly string[];
}

/** The memories of type WORKING of these owners, up to so many bytes and at least one. */
export async function readWorkingMemories(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  owners: WorkingOwners,
  maxBytes: number,
): Promise<FittingRecords> {
  return fittingRecords(codec, await run<Row>(workingMemories(codec, tenantId, owners, maxBytes)));
}

/** The statement of these, for those who explain it. */
export function workingMemories(
  codec: EntityCodec,
  tenantId: string,
  { sessionIds, agentIds }: WorkingOwners,
  maxBytes: number,
): Required<Statement> {
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const working = `
SELECT ${columns.join(", ")}, ${byteSize(codec.columns)} AS size FROM holdfast.${codec.entity.table}
WHERE tenant_id = $1::uuid AND type = 'WORKING' AND delete_time IS NULL`;
  const named = agentIds.filter((agentId) => agentId !== "");
  const rows = `${working} AND session_id = ANY ($2::uuid[])
UNION ALL ${working} AND session_id IS NULL AND agent_id = ANY ($3::text[])
UNION ALL ${working} AND session_id IS NULL AND agent_id IS NULL AND $4::boolean`;
  return {
    name: "working memories",
    text: fittingRows({ rows, columns, room: "$5" }),
    values: [
      tenantId,
      binaryArray("uuid", sessionIds),
      binaryArray("text", named),
      agentIds.includes(""),
      maxBytes,
    ],
  };
}
