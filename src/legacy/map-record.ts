import type { Codecs } from "../entities/codecs.js";
import type { FieldBag } from "../entities/field-codec.js";
import { deriveFields } from "./derive-fields.js";
import type { FieldRule } from "./field-rules.js";
import { jsonProblem, type Member, membersOf, stringText } from "./json-text.js";
import { type Mapping, mapValue, put } from "./map-value.js";
import { type SourceRecord, Unmappable } from "./source-record.js";
import { hasUnstorable, type IdOf, jsonText, kindOfValue } from "./source-values.js";

/** A record as the entity it becomes. */
export interface MappedRecord {
  readonly id: string;
  readonly kind: string;
  readonly sourceId: string;
  readonly message: FieldBag;
  /** Local names of the fields the source gave, to be set when the thing is there already. */
  readonly given: readonly string[];
  /** The record's members. */
  readonly members: readonly Member[];
  /** Those that their fields keep as they were written, and which are not among the rest. */
  readonly verbatim: ReadonlySet<Member>;
  /** Of the goal above. */
  readonly parentSourceId: string | undefined;
  /** Whether it is a session that has ended. */
  readonly isEnded: boolean;
  readonly zonelessTimes: number;
  /** Values no field can hold, which are in the rest alone. */
  readonly setAside: number;
}

/** Text that its field holds exactly and that is longer is not kept a second time, in bytes. */
const KEPT_TWICE_UP_TO = 4096;

/** @throws Unmappable */
export function mapRecord(record: SourceRecord, codecs: Codecs, idOf: IdOf): MappedRecord {
  const { kind, text } = record;
  const problem = jsonProblem(text);
  if (problem !== undefined) throw new Unmappable(`not JSON: ${problem}`);
  if (!text.startsWith("{")) throw new Unmappable(`expected an object, got ${kindOfValue(text)}`);
  const members = membersOf(text);
  const last = new Map(members.map((member) => [member.name, member]));
  const sourceId = recordId(record, last);
  const id = idOf(kind.kind, sourceId);
  const message = codecs.of(kind.entity).newMessage();
  const mapping: Mapping = {
    entity: kind.entity,
    message,
    idOf,
    zonelessTimes: 0,
    setAside: 0,
    exact: new Set(),
    given: new Set(),
  };
  const verbatim = new Set<Member>();
  for (const member of last.values()) {
    const rule = ruleOf(record, member.name);
    if (!rule || member.raw === "null") continue;
    mapValue(rule, member, mapping);
    if (rule.as === "payload") verbatim.add(member);
    else if (member.raw.length > KEPT_TWICE_UP_TO && mapping.exact.has(member.name)) verbatim.add(member);
  }
  message.id = id;
  const externalId = kind.kind === kind.entity.name ? sourceId : `${kind.kind}:${sourceId}`;
  if (externalId.length <= 200 && !hasUnstorable(externalId)) message.externalId = externalId;
  const rest = restText(members, verbatim);
  if (rest !== undefined) put(mapping, kind.rest, jsonText(rest));
  deriveFields(kind, last, mapping);
  const parent = last.get("parent_goal_id")?.raw;
  return {
    id,
    kind: kind.kind,
    sourceId,
    message,
    given: [...mapping.given],
    members,
    verbatim,
    parentSourceId: kind.kind === "goal" && parent?.startsWith('"') ? JSON.parse(parent) : undefined,
    isEnded: kind.kind === "session" && message.endTime !== undefined,
    zonelessTimes: mapping.zonelessTimes,
    setAside: mapping.setAside,
  };
}

/** What has no field of its own, as one object; undefined if there is nothing. */
export function restText(members: readonly Member[], verbatim: ReadonlySet<Member>): string | undefined {
  let text = "";
  for (const member of members) {
    if (!verbatim.has(member)) text += `${text === "" ? "{" : ","}${member.rawName}:${member.raw}`;
  }
  return text === "" ? undefined : `${text}}`;
}

function ruleOf({ fields }: SourceRecord, name: string): FieldRule | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function recordId({ kind, placeId }: SourceRecord, members: ReadonlyMap<string, Member>): string {
  for (const name of kind.id) {
    const raw = members.get(name)?.raw;
    if (raw === undefined || raw === "null" || raw === '""') continue;
    const first = raw[0] ?? "";
    if (first === "{" || first === "[")
      throw new Unmappable(`expected text in ${name}, got ${kindOfValue(raw)}`);
    const id = first === '"' ? stringText(raw) : raw;
    // Half a surrogate has no bytes of its own to make an id from.
    return /\p{Surrogate}/u.test(id) ? raw : id;
  }
  if (placeId === "") throw new Unmappable(`missing id: expected ${kind.id.join(" or ")}`);
  return placeId;
}
