import type { EntityDeclaration } from "../../entities/declaration.js";
import { createEntityCodec } from "../../entities/entity-codec.js";
import { columnParameters, columnValue } from "./arguments.js";
import { BY_KEY_DEFINER } from "./log-routines.js";

/** `put_<table>` for rows that are appended and never change. */
export function appendRoutine(entity: EntityDeclaration): string {
  const { columns } = createEntityCodec(entity);
  const names = columns.map((column) => column.name);
  return `
CREATE FUNCTION holdfast.put_${entity.table}(
  p_tenant uuid, p_first_position bigint, p_commit_time timestamptz,
  p_position_offset integer[], p_content_hash bytea[],
  ${columnParameters(columns)}
) RETURNS void ${BY_KEY_DEFINER} AS $$
BEGIN
  INSERT INTO holdfast.${entity.table} (
    tenant_id, position, create_time, content_hash,
    ${names.join(",\n    ")}
  )
  SELECT p_tenant, p_first_position + u.position_offset, p_commit_time, u.content_hash,
    ${columns.map(columnValue).join(",\n    ")}
  FROM unnest(
    p_position_offset, p_content_hash,
    ${names.map((name) => `p_${name}`).join(",\n    ")}
  ) AS u (position_offset, content_hash, ${names.join(", ")});
END $$`;
}
