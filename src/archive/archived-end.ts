import type { TenantEnd } from "../store/archive/read-database.js";

/** Where a tenant's log ended when it was archived, as it stands in a manifest. */
export interface ArchivedEnd {
  readonly tenant_id: string;
  readonly log_id: string;
  readonly position: string;
  /** In hexadecimal; of everything up to the position. */
  readonly hash: string;
}

export function archivedEnd({ tenantId, logId, position, hash }: TenantEnd): ArchivedEnd {
  return {
    tenant_id: tenantId,
    log_id: logId,
    position: String(position),
    hash: Buffer.from(hash).toString("hex"),
  };
}
