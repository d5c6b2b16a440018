/**
 * What a caller may do. Every one lets it read. A writer may also record and
 * change things; an admin may do that and administer. Secrets are shown to a
 * secret_reader alone, whatever else it is.
 */
export const ROLES = ["reader", "writer", "admin", "secret_reader"] as const;

export type Role = (typeof ROLES)[number];

/** Who calls, as the authenticator established it. */
export interface Principal {
  /** UUID, lower case. Everything a call reads or writes is this tenant's. */
  readonly tenantId: string;
  /** A name for the log and for audits: "anonymous", "token:ingest". */
  readonly actor: string;
  readonly roles: readonly Role[];
}

/** The tenant in whose log calls are noted that came from nobody known. */
export const SYSTEM_TENANT_ID = "00000000-0000-0000-0000-000000000000";
