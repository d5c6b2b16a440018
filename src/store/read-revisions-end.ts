import { binaryArray } from "./binary-array.js";
import type { Run } from "./database.js";
import type { ChangeFilter } from "./read-changes.js";

export interface RevisionsRange {
  readonly tenantId: string;
  readonly after: bigint;
  readonly upTo: bigint;
  /** By session or by agent. */
  readonly filter: Omit<ChangeFilter, "kinds">;
  /** Of each session or agent. */
  readonly limit: number;
}

/** How far a read may go that is to pass over so many revisions at most; found within an index. */
export async function readRevisionsEnd(run: Run, range: RevisionsRange): Promise<bigint> {
  const { tenantId, after, upTo, filter, limit } = range;
  const [column, type, ids] =
    filter.sessionIds.length > 0
      ? (["session_id", "uuid", [...filter.sessionIds, ...(filter.ancestors?.keys() ?? [])]] as const)
      : (["agent_id", "text", filter.agentIds] as const);
  const [row] = await run<[end: bigint | null]>({
    name: `revisions end ${column}`,
    text: `
SELECT min(r.position) FROM unnest($2::${type}[]) AS k (id) CROSS JOIN LATERAL (
  SELECT position FROM holdfast.revisions
  WHERE tenant_id = $1::uuid AND ${column} = k.id AND position > $3::bigint AND position <= $4::bigint
  ORDER BY position OFFSET $5 LIMIT 1
) AS r`,
    values: [tenantId, binaryArray(type, ids), after, upTo, limit - 1],
  });
  return row?.[0] ?? upTo;
}
