import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { localName } from "../entities/local-name.js";
import type { FlushView } from "./entity-rules.js";
import type { PatchEntry } from "./prepared-entry.js";

/**
 * A new thing at revision 1, in the first state of its lifecycle unless it may start later.
 *
 * @param now for the field that records when it began, where the caller gave none.
 */
export function newRecord(codec: EntityCodec, message: FieldBag, now?: Timestamp): FieldBag {
  const { entity } = codec;
  const record = copy(codec, message);
  record.revision = 1n;
  delete record.deleteTime;
  clearOutputOnly(codec, record);
  const { lifecycle } = entity;
  if (lifecycle) {
    const name = localName(entity, lifecycle.field);
    if (!lifecycle.mayStartLater || record[name] === 0) record[name] = lifecycle.initial;
  }
  if (now && entity.beginTime) record[localName(entity, entity.beginTime)] ??= now;
  return record;
}

/**
 * The thing as a patch leaves it, one revision on. The given one is not touched.
 *
 * @throws REVISION_MISMATCH, ILLEGAL_TRANSITION
 */
export function applyPatch(
  codec: EntityCodec,
  current: FieldBag,
  patch: PatchEntry,
  view: FlushView,
): FieldBag {
  const { entity } = codec;
  checkRevision(entity, current, patch);
  const fields =
    typeof patch.fields === "function"
      ? patch.fields(current, view)
      : mergeMaps(entity, current, patch.fields);
  checkTransition(entity, current, patch.id, fields);
  return withFields(codec, current, fields);
}

/** A copy of the thing with these fields, one revision on. */
export function withFields(
  codec: EntityCodec,
  current: FieldBag,
  fields: Readonly<Record<string, unknown>>,
): FieldBag {
  const record = copy(codec, current);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) delete record[name];
    else record[name] = value;
  }
  record.revision = (current.revision as bigint) + 1n;
  return record;
}

/** New values of fields, those of merged maps with the keys that were there before. */
function mergeMaps(
  entity: EntityDeclaration,
  current: FieldBag,
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = { ...fields };
  for (const fieldName of entity.mergedMaps ?? []) {
    const name = localName(entity, fieldName);
    const given = fields[name] as object | undefined;
    if (given && Object.keys(given).length > 0) merged[name] = { ...(current[name] as object), ...given };
  }
  return merged;
}

function checkRevision(entity: EntityDeclaration, current: FieldBag, patch: PatchEntry): void {
  const { expectedRevision } = patch;
  const revision = current.revision as bigint;
  if (expectedRevision === undefined || expectedRevision === revision) return;
  throw new HoldfastError(
    ErrorReason.REVISION_MISMATCH,
    `${entity.name} ${patch.id} is at revision ${revision}, expected ${expectedRevision}`,
    {
      metadata: {
        entity: entity.name,
        id: patch.id,
        expected_revision: String(expectedRevision),
        current_revision: String(revision),
      },
    },
  );
}

function checkTransition(
  entity: EntityDeclaration,
  current: FieldBag,
  id: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  const { lifecycle } = entity;
  if (!lifecycle) return;
  const name = localName(entity, lifecycle.field);
  if (!(name in fields)) return;
  const from = current[name] as number;
  const to = fields[name] as number;
  if (lifecycle.transitions[from]?.includes(to)) return;
  const [fromName, toName] = [from, to].map((number) => statusName(entity, lifecycle.field, number));
  throw new HoldfastError(
    ErrorReason.ILLEGAL_TRANSITION,
    `${entity.name} ${id} is ${fromName} and cannot become ${toName}`,
    { metadata: { entity: entity.name, id, from: `${fromName}`, to: `${toName}` } },
  );
}

function statusName(entity: EntityDeclaration, fieldName: string, number: number): string {
  const field = entity.message.fields.find((candidate) => candidate.name === fieldName);
  const name = field?.enum?.value[number]?.name ?? String(number);
  return name.slice(field?.enum?.sharedPrefix?.length ?? 0);
}

/** Takes out of a caller's message what only Holdfast may say. */
export function clearOutputOnly(codec: EntityCodec, message: FieldBag): void {
  for (const name of codec.entity.outputOnly ?? []) clear(codec, message, name);
}

function clear({ entity, newMessage }: EntityCodec, record: FieldBag, fieldName: string): void {
  const name = localName(entity, fieldName);
  const empty = newMessage()[name];
  if (empty === undefined) delete record[name];
  else record[name] = empty;
}

function copy({ newMessage }: EntityCodec, message: FieldBag): FieldBag {
  return Object.assign(newMessage(), message);
}
