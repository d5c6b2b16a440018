/** Fields that only the server sets, beyond those that it sets in everything. */
export interface OutputFields {
  readonly Session: "status" | "forkPosition";
  readonly Memory: "accessTime" | "accessCount";
  readonly Goal: "leaseHolder" | "leaseExpireTime";
  readonly Configuration: "actor" | "valueRedacted";
  readonly SecurityAudit: "byHoldfast";
}

/** Fields that are as they were created, beyond `id` and `sessionId`. */
export interface FixedFields {
  readonly Session: "endTime" | "parentSessionId";
  readonly Configuration: "key" | "agentId" | "layer" | "isSecret";
}
