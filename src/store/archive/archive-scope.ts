import pg from "pg";
import type { Codecs } from "../../entities/codecs.js";
import type { EntityCodec } from "../../entities/entity-codec.js";

/** What of a tenant's log is archived. */
export interface ArchiveScope {
  /** A UUID. */
  readonly tenantId: string;
  /** Only what is filed under this session, a UUID. */
  readonly sessionId?: string | undefined;
  /** Only what is filed under this agent, and the sessions that belongs to. */
  readonly agentId?: string | undefined;
}

/** Conditions on tables named `t`. A COPY takes no parameters: values stand in them as literals. */
export interface ScopeConditions {
  /** Rows of an append-only table. */
  readonly appended: string;
  /** Rows of `revisions`: every one of each thing that the scope touches, whenever it did. */
  readonly revisions: string;
  /** Rows of current state of one entity. */
  current(codec: EntityCodec): string;
}

export function scopeConditions(
  codecs: Codecs,
  { tenantId, sessionId, agentId }: ArchiveScope,
): ScopeConditions {
  const tenant = `t.tenant_id = ${pg.escapeLiteral(tenantId)}::uuid`;
  if (sessionId === undefined && agentId === undefined) {
    return { appended: tenant, revisions: tenant, current: () => tenant };
  }
  const filed =
    sessionId === undefined
      ? `agent_id = ${pg.escapeLiteral(agentId ?? "")}`
      : `session_id = ${pg.escapeLiteral(sessionId)}::uuid`;
  const within = `tenant_id = ${pg.escapeLiteral(tenantId)}::uuid AND ${filed}`;
  const appended = codecs.all.filter(({ entity }) => entity.nature === "append");
  // Who takes these in again needs the sessions they were made in.
  const sessions = [...appended.map(({ entity }) => entity.table), "revisions"].map(
    (table) =>
      `SELECT 'session', session_id FROM holdfast.${table} WHERE ${within} AND session_id IS NOT NULL`,
  );
  const things = [
    `SELECT entity, entity_id FROM holdfast.revisions WHERE ${within}`,
    ...(sessionId === undefined ? sessions : []),
  ].join(" UNION ");
  return {
    appended: `${tenant} AND t.${filed}`,
    revisions: `${tenant} AND (t.entity, t.entity_id) IN (${things})`,
    current: ({ entity }) => `${tenant} AND ('${entity.name}', t.id) IN (${things})`,
  };
}
