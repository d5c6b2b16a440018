import { ChangeType } from "../../gen/holdfast/v1/log_pb.js";
import { mapInTurns, type Turn } from "../core/in-turns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import { recordFromState } from "../entities/stored-record.js";
import type { Run } from "./database.js";
import type { Revision } from "./read-revisions.js";

type RevisionRow = [
  revision: bigint,
  position: bigint,
  commitMicros: bigint,
  change: string,
  state: string,
  found: number,
];

export interface RevisionListRange {
  readonly tenantId: string;
  readonly id: string;
  /** Revisions below this one; undefined for the newest on. */
  readonly below: bigint | undefined;
  readonly limit: number;
  /** Where they add up to more, a page ends before `limit`; it has at least one if there is any. */
  readonly maxBytes: number;
}

export interface RevisionPage {
  readonly revisions: readonly Revision[];
  /** Whether more follow. */
  readonly hasMore: boolean;
}

/** A page of what a thing was, newest first: a thousand states of the largest size would be a gigabyte. */
export async function listRevisions(
  run: Run,
  codec: EntityCodec,
  { tenantId, id, below, limit, maxBytes }: RevisionListRange,
  turn?: Turn,
): Promise<RevisionPage> {
  const rows = await run<RevisionRow>({
    text: `
SELECT revision, position, create_time, change, state, found FROM (
  SELECT *, count(*) OVER () AS found,
    sum(octet_length(state::text)) OVER (ORDER BY revision DESC ROWS UNBOUNDED PRECEDING)
      - octet_length(state::text) AS before
  FROM (
    SELECT revision, position, create_time, change, state FROM holdfast.revisions
    WHERE tenant_id = $1::uuid AND entity = $2 AND entity_id = $3::uuid
      AND ($4::bigint IS NULL OR revision < $4::bigint)
    ORDER BY revision DESC LIMIT $5
  ) AS page
) AS sized
WHERE before < $6 ORDER BY revision DESC`,
    values: [tenantId, codec.entity.name, id, below ?? null, limit + 1, maxBytes],
  });
  const toRevision = ([revision, position, commitMicros, change, state]: RevisionRow): Revision => ({
    revision,
    position,
    commitMicros,
    change: ChangeType[change as "CREATED" | "UPDATED" | "DELETED"],
    record: recordFromState(codec, state),
  });
  const revisions = await mapInTurns(rows.slice(0, limit), toRevision, turn);
  return { revisions, hasMore: revisions.length < Number(rows[0]?.[5] ?? 0) };
}
