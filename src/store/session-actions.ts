import type { Run } from "./database.js";

export interface SessionAction {
  /** Of its creation in the log. */
  readonly position: bigint;
  readonly type: string;
  readonly name: string;
  readonly tool: string;
}

type SessionActionAnswer = [position: bigint, type: string, name: string, tool: string];

/** What of a session is read: the actions created up to a position, or all. */
export interface SessionPart {
  readonly id: string;
  readonly upTo: bigint | undefined;
}

/**
 * Actions of one session in the order they were created, deleted ones left out:
 * those created after a position, at most `limit`. An action's own position
 * moves as it changes; its first revision tells where it was created.
 */
export async function readSessionActions(
  run: Run,
  tenantId: string,
  { id, upTo }: SessionPart,
  after: bigint,
  limit: number,
): Promise<readonly SessionAction[]> {
  const rows = await run<SessionActionAnswer>({
    name: "session actions",
    text: `
SELECT r.position, a.type, a.name, a.tool
FROM holdfast.revisions r
JOIN holdfast.actions a ON a.tenant_id = r.tenant_id AND a.id = r.entity_id
WHERE r.tenant_id = $1::uuid AND r.session_id = $2::uuid AND r.position > $3::bigint
  AND ($5::bigint IS NULL OR r.position <= $5::bigint)
  AND r.entity = 'action' AND r.revision = 1 AND a.delete_time IS NULL
ORDER BY r.position LIMIT $4`,
    values: [tenantId, id, after, limit, upTo ?? null],
  });
  return rows.map(([position, type, name, tool]) => ({ position, type, name, tool }));
}
