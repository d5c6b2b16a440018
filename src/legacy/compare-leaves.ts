import type { Payload } from "../../gen/holdfast/v1/payload_pb.js";
import type { FieldBag } from "../entities/field-codec.js";
import { countLeaves, leavesOf, type Member, membersOf, stringText } from "./json-text.js";
import { type MappedRecord, restText } from "./map-record.js";
import type { SourceRecord } from "./source-record.js";

export interface LeafCounts {
  differing: number;
  missing: number;
}

/**
 * Compares the leaves of a record with what is stored of it, read back: its
 * members among the rest, whole payloads, and text that its field holds exactly.
 */
export function compareLeaves(
  { kind, fields }: SourceRecord,
  { members, verbatim }: MappedRecord,
  found: FieldBag,
): LeafCounts & { readonly first?: string } {
  const isWhole = payloadText(found[kind.rest]) === restText(members, verbatim);
  if (isWhole && allInFields(verbatim, fields, found)) {
    return { differing: 0, missing: 0 };
  }
  const rest = keptMembers(restMembers(found[kind.rest]));
  let [differing, missing] = [0, 0];
  let first: string | undefined;
  for (const member of members) {
    const kept = rest.get(member.name);
    const times = kept?.get(member.raw) ?? 0;
    // Two members of one name are two leaves: each is found once.
    if (times > 1) kept?.set(member.raw, times - 1);
    else kept?.delete(member.raw);
    if (times > 0 || isInField(member, fields, found)) continue;
    const other = kept?.keys().next().value ?? fieldText(member, fields, found);
    const counts =
      other === undefined ? { differing: 0, missing: countLeaves(member.raw) } : compare(member, other);
    differing += counts.differing;
    missing += counts.missing;
    first ??= `${member.name}: ${other === undefined ? "not found" : "found as something else"}`;
  }
  return { differing, missing, ...(first !== undefined && { first }) };
}

/** The texts of members by name, and how often each stands there: a record may have any number of one name. */
function keptMembers(members: readonly Member[]): ReadonlyMap<string, Map<string, number>> {
  const kept = new Map<string, Map<string, number>>();
  for (const { name, raw } of members) {
    const texts = kept.get(name) ?? new Map<string, number>();
    kept.set(name, texts.set(raw, (texts.get(raw) ?? 0) + 1));
  }
  return kept;
}

function allInFields(members: ReadonlySet<Member>, fields: Fields, found: FieldBag): boolean {
  for (const member of members) if (!isInField(member, fields, found)) return false;
  return true;
}

type Fields = SourceRecord["fields"];

function isInField(member: Member, fields: Fields, found: FieldBag): boolean {
  const rule = Object.hasOwn(fields, member.name) ? fields[member.name] : undefined;
  if (rule?.as === "text") return member.raw.startsWith('"') && found[rule.to] === stringText(member.raw);
  return fieldText(member, fields, found) === member.raw;
}

/** The text of the payload a member went into. */
function fieldText({ name }: Member, fields: Fields, found: FieldBag): string | undefined {
  const rule = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return rule?.as === "payload" ? payloadText(found[rule.to]) : undefined;
}

function restMembers(rest: unknown): readonly Member[] {
  const text = payloadText(rest);
  return text === undefined ? [] : membersOf(text);
}

function payloadText(payload: unknown): string | undefined {
  return payload ? bytesText((payload as Payload).data) : undefined;
}

function bytesText({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
}

function compare({ raw }: Member, other: string): { readonly differing: number; readonly missing: number } {
  const stored = new Map(leavesOf(other).map((leaf) => [leaf.path, leaf.raw]));
  let [differing, missing] = [0, 0];
  for (const leaf of leavesOf(raw)) {
    const found = stored.get(leaf.path);
    if (found === undefined) missing += 1;
    else if (found !== leaf.raw) differing += 1;
  }
  return { differing, missing };
}
