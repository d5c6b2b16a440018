import { binaryArray } from "./binary-array.js";
import type { Connections } from "./database.js";

/** Where the logs of these tenants end; a tenant without a log is left out. */
export function readLogPositions(
  database: Connections,
  tenantIds: readonly string[],
): Promise<[tenantId: string, position: bigint][]> {
  return database.readAll((run) =>
    run<[string, bigint]>({
      name: "log positions",
      text: "SELECT tenant_id, position FROM holdfast.log_positions($1::uuid[])",
      values: [binaryArray("uuid", tenantIds)],
    }),
  );
}

/** Every tenant that has a log. */
export async function readTenantIds(database: Connections): Promise<readonly string[]> {
  const rows = await database.readAll((run) =>
    run<[string]>({ text: "SELECT * FROM holdfast.tenant_ids()" }),
  );
  return rows.map(([tenantId]) => tenantId);
}
