import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../core/errors.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import type { FieldBag } from "../entities/field-codec.js";

/**
 * The fields a mask names, by local name, with their values in the message;
 * undefined where the message has none, which clears the field (AIP-134). An
 * empty mask, or a path that is no updatable field, is added to `violations`.
 */
export function maskedFields(
  entity: EntityDeclaration,
  message: FieldBag,
  mask: FieldMask | undefined,
  violations: FieldViolation[],
): Record<string, unknown> {
  const paths = mask?.paths ?? [];
  const updatable = entity.updatable ?? [];
  if (paths.length === 0) {
    violations.push({
      field: "update_mask",
      description: `expected any of ${updatable.join(", ")}, got none`,
    });
  }
  const fields: Record<string, unknown> = {};
  for (const [i, path] of paths.entries()) {
    const field = updatable.includes(path)
      ? entity.message.fields.find((candidate) => candidate.name === path)
      : undefined;
    if (field) {
      fields[field.localName] = message[field.localName];
    } else {
      const got = JSON.stringify(path.slice(0, 80));
      const description = `expected any of ${updatable.join(", ")}, got ${got}`;
      violations.push({ field: `update_mask.paths[${i}]`, description });
    }
  }
  return fields;
}
