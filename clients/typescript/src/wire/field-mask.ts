import type { DescMessage } from "@bufbuild/protobuf";
import { HoldfastError } from "../holdfast-error.js";

/**
 * Splits the changes of an update into the values to send and the paths of its mask: a field given is set, one
 * given as null is cleared, one left out or undefined stays. Throws INVALID_FIELD for a field the message has not.
 */
export function maskedChanges(
  message: DescMessage,
  changes: Readonly<Record<string, unknown>>,
): { readonly values: Record<string, unknown>; readonly paths: string[] } {
  const values: Record<string, unknown> = {};
  const paths: string[] = [];
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    const field = message.field[name];
    if (!field) {
      throw new HoldfastError(`${name}: no such field`, {
        code: "INVALID_ARGUMENT",
        reason: "INVALID_FIELD",
        violations: [{ field: name, description: "no such field" }],
      });
    }
    paths.push(field.name);
    if (value !== null) values[name] = value;
  }
  return { values, paths };
}
