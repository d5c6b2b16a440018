import type { EntityCodec } from "../entities/entity-codec.js";
import { binaryArray } from "./binary-array.js";
import type { Run } from "./database.js";

/** A revision of a thing: its number and its position. */
export type RevisionPlace = [id: string, revision: bigint, position: bigint, change: string];

/** Every revision of these things, by thing, oldest first; for appended rows the one they are. */
export function readRevisionPlaces(
  run: Run,
  { entity }: EntityCodec,
  tenantId: string,
  ids: readonly string[],
): Promise<RevisionPlace[]> {
  const values = [tenantId, binaryArray("uuid", ids)];
  if (entity.nature === "append") {
    return run<RevisionPlace>({
      text: `
SELECT id, 1::bigint, position, 'CREATED' FROM holdfast.${entity.table}
WHERE tenant_id = $1::uuid AND id = ANY ($2::uuid[]) AND withdraw_time IS NULL`,
      values,
    });
  }
  return run<RevisionPlace>({
    text: `
SELECT entity_id, revision, position, change FROM holdfast.revisions
WHERE tenant_id = $1::uuid AND entity = $3 AND entity_id = ANY ($2::uuid[]) ORDER BY entity_id, revision`,
    values: [...values, entity.name],
  });
}
