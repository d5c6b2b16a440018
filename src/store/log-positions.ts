import { binaryArray } from "./binary-array.js";
import type { CommitMark } from "./commit-mark.js";
import type { Connections } from "./database.js";

/** The end of a tenant's log as someone knows it. */
export interface KnownEnd {
  readonly tenantId: string;
  readonly mark: CommitMark;
}

/**
 * Where the logs of these tenants end, 0 for one without a log; and the hash of the commit that ends where the log is
 * known to have ended, null if none does.
 */
export function readLogPositions(
  database: Connections,
  ends: readonly KnownEnd[],
): Promise<[tenantId: string, position: bigint, hash: Buffer | null][]> {
  return database.readAll((run) =>
    run<[string, bigint, Buffer | null]>({
      name: "log positions",
      text: "SELECT tenant_id, position, hash FROM holdfast.log_positions($1::uuid[], $2::bigint[])",
      values: [
        binaryArray(
          "uuid",
          ends.map(({ tenantId }) => tenantId),
        ),
        binaryArray(
          "bigint",
          ends.map(({ mark }) => mark.position),
        ),
      ],
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
