import type { Payload } from "../../gen/holdfast/v1/payload_pb.js";
import { microsFromTimestamp } from "../core/time.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import type { FieldBag } from "../entities/field-codec.js";

/** Which of these fields, by local name, two records do not agree in, to what Postgres keeps of a time. */
export function differingFields(
  { message }: EntityDeclaration,
  expected: FieldBag,
  found: FieldBag,
  names: readonly string[],
): readonly string[] {
  return names.filter((name) => {
    const [a, b] = [expected[name], found[name]];
    if (a === b) return false;
    const field = message.field[name];
    if (field?.fieldKind !== "message") return !isSame(a, b);
    if (a === undefined || b === undefined) return true;
    return field.message.typeName === "google.protobuf.Timestamp"
      ? microsFromTimestamp(a as never) !== microsFromTimestamp(b as never)
      : !isSamePayload(a as Payload, b as Payload);
  });
}

function isSamePayload(a: Payload, b: Payload): boolean {
  return a.contentType === b.contentType && Buffer.compare(a.data, b.data) === 0;
}

/** Scalars, lists and maps of them. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  const [left, right] = [Object.entries(a), b as Readonly<Record<string, unknown>>];
  return left.length === Object.keys(right).length && left.every(([key, value]) => isSame(value, right[key]));
}
