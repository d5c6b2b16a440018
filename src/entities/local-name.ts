import type { EntityDeclaration } from "./declaration.js";

/**
 * The property that holds a field in an entity's messages, from its proto name.
 *
 * @throws TypeError if the entity has no such field: a declaration is wrong.
 */
export function localName(entity: EntityDeclaration, fieldName: string): string {
  const field = entity.message.fields.find((candidate) => candidate.name === fieldName);
  if (!field) throw new TypeError(`${entity.message} has no field ${fieldName}`);
  return field.localName;
}
