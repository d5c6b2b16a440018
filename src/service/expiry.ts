import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { microsFromTimestamp, nowMicros } from "../core/time.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import type { FieldBag } from "../entities/field-codec.js";
import { localName } from "../entities/local-name.js";

/** Whether the thing's own time is past: it is then served no more, swept or not. */
export function isExpired(entity: EntityDeclaration, record: FieldBag): boolean {
  if (!entity.expireTime) return false;
  const time = record[localName(entity, entity.expireTime)] as Timestamp | undefined;
  return time !== undefined && microsFromTimestamp(time) <= nowMicros();
}
