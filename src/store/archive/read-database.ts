import type { Readable } from "node:stream";
import type { OwnerSession } from "../owner-session.js";
import { copyNames, type FoundTable } from "./table-layouts.js";

/** Where one tenant's log ends. */
export interface TenantEnd {
  readonly tenantId: string;
  readonly logId: string;
  readonly position: bigint;
  readonly hash: Uint8Array;
}

type EndAnswer = [tenantId: string, logId: string, position: bigint, hash: Buffer];

/** Where every log ends, in the session's snapshot. */
export async function readTenantEnds({ run }: OwnerSession): Promise<readonly TenantEnd[]> {
  // Policies bind the owner too; the append path's role sees every tenant.
  await run("SET LOCAL ROLE holdfast_append");
  const rows = await run<EndAnswer>(
    "SELECT tenant_id, log_id, position, hash FROM holdfast.tenant_logs ORDER BY tenant_id",
  );
  await run("RESET ROLE");
  return rows.map(([tenantId, logId, position, hash]) => ({ tenantId, logId, position, hash }));
}

/** All rows of a table as COPY writes them, a line each, as of the session's snapshot. */
export async function copyTable({ run, copyOut }: OwnerSession, table: FoundTable): Promise<Readable> {
  await run(table.isForced ? "SET LOCAL ROLE holdfast_append" : "RESET ROLE");
  const names = copyNames(table);
  return copyOut(`COPY (SELECT ${names.columns} FROM ${names.table}) TO STDOUT`);
}

/** The version of the server, as Postgres gives it. */
export async function readServerVersion({ run }: OwnerSession): Promise<string> {
  const [row] = await run<[string]>("SHOW server_version");
  return row?.[0] ?? "";
}
