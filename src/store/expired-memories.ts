import type { Database } from "./database.js";

export interface ExpiredMemory {
  readonly tenantId: string;
  readonly id: string;
  readonly revision: bigint;
}

/** Memories of any tenant whose time is past and that are not deleted yet. */
export async function readExpiredMemories(
  database: Database,
  limit: number,
): Promise<readonly ExpiredMemory[]> {
  const rows = await database.readAll((run) =>
    run<[tenantId: string, id: string, revision: bigint]>({
      name: "expired memories",
      text: "SELECT tenant_id, id, revision FROM holdfast.expired_memories($1)",
      values: [limit],
    }),
  );
  return rows.map(([tenantId, id, revision]) => ({ tenantId, id, revision }));
}
