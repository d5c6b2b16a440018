import { ChangeType } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { recordFromState } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import type { Run } from "./database.js";

/** A thing as one change left it. */
export interface Revision {
  readonly revision: bigint;
  readonly position: bigint;
  /** Microseconds since 1970. */
  readonly commitMicros: bigint;
  readonly change: ChangeType;
  readonly record: FieldBag;
}

type RevisionAnswer = [
  revision: bigint,
  position: bigint,
  commitMicros: bigint,
  change: string,
  state: string,
];

export interface RevisionRange {
  readonly tenantId: string;
  readonly id: string;
  /** Revisions below this one; undefined for the newest on. */
  readonly below?: bigint | undefined;
  /** Revisions made at this position or before. */
  readonly atPosition?: bigint | undefined;
  /** A few: a page of them is `listRevisions`. */
  readonly limit: number;
}

/** What a thing was, newest first. */
export async function readRevisions(
  run: Run,
  codec: EntityCodec,
  { tenantId, id, below, atPosition, limit }: RevisionRange,
): Promise<readonly Revision[]> {
  const rows = await run<RevisionAnswer>({
    text: `
SELECT revision, position, create_time, change, state FROM holdfast.revisions
WHERE tenant_id = $1::uuid AND entity = $2 AND entity_id = $3::uuid
  AND ($4::bigint IS NULL OR revision < $4::bigint) AND ($5::bigint IS NULL OR position <= $5::bigint)
ORDER BY revision DESC LIMIT $6`,
    values: [tenantId, codec.entity.name, id, below ?? null, atPosition ?? null, limit],
  });
  return rows.map(([revision, position, commitMicros, change, state]) => ({
    revision,
    position,
    commitMicros,
    change: ChangeType[change as "CREATED" | "UPDATED" | "DELETED"],
    record: recordFromState(codec, state),
  }));
}

/** Everything several things ever were, by id. */
export async function readPasts(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly FieldBag[]>> {
  const rows = await run<[id: string, state: string]>({
    text: `
SELECT entity_id, state FROM holdfast.revisions
WHERE tenant_id = $1::uuid AND entity = $2 AND entity_id = ANY ($3::uuid[])`,
    values: [tenantId, codec.entity.name, binaryArray("uuid", ids)],
  });
  const pasts = new Map<string, FieldBag[]>();
  for (const [id, state] of rows) {
    const past = pasts.get(id) ?? [];
    past.push(recordFromState(codec, state));
    pasts.set(id, past);
  }
  return pasts;
}
