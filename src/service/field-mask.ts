import { create } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../core/errors.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";

/**
 * The fields a mask names, by local name, with their values in the message;
 * undefined where the message has none, which clears the field (AIP-134). An
 * empty mask, a path that is no updatable field, and what is wrong with a value
 * by itself, is added to `violations`: a flush looks things up by some values
 * before it makes the row.
 */
export function maskedFields(
  codec: EntityCodec,
  message: FieldBag,
  mask: FieldMask | undefined,
  violations: FieldViolation[],
): Record<string, unknown> {
  const { entity } = codec;
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
  violations.push(...valueViolations(codec, fields));
  return fields;
}

function valueViolations(codec: EntityCodec, fields: Readonly<Record<string, unknown>>): FieldViolation[] {
  const { name, message } = codec.entity;
  const probe = create(message) as FieldBag;
  const given = message.fields.filter(({ localName }) => localName in fields);
  for (const { localName } of given) {
    if (fields[localName] !== undefined) probe[localName] = fields[localName];
  }
  const violations = { path: `${name}.`, list: [] as FieldViolation[] };
  codec.toRow(probe, violations);
  const paths = new Set(given.map((field) => `${violations.path}${field.name}`));
  return violations.list.filter(({ field }) => paths.has(/^\w+\.\w+/.exec(field)?.[0] ?? ""));
}
