/** Who calls, as the authenticator established it. */
export interface Principal {
  /** UUID, lower case. Everything a call reads or writes is this tenant's. */
  readonly tenantId: string;
  /** A name for the log and for audits: "anonymous", "token:ingest". */
  readonly actor: string;
}
