import type { EntityDeclaration } from "../entities/declaration.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { FieldRule } from "./field-rules.js";
import { type Member, membersOf, stringText } from "./json-text.js";
import { Unmappable } from "./source-record.js";
import { sourceTime } from "./source-time.js";
import { hasUnstorable, type IdOf, jsonText, kindOfValue } from "./source-values.js";

/** A record being mapped. */
export interface Mapping {
  readonly entity: EntityDeclaration;
  readonly message: FieldBag;
  readonly idOf: IdOf;
  zonelessTimes: number;
  setAside: number;
  /** Names of members whose field holds exactly what they say. */
  readonly exact: Set<string>;
  /** Local names of the fields that were set. */
  readonly given: Set<string>;
}

/** Sets a field of the entity. */
export function put({ message, given }: Mapping, to: string, value: unknown): void {
  message[to] = value;
  given.add(to);
}

/** Sets the field that a rule names from a value that is not null. @throws Unmappable for a value of a wrong type */
export function mapValue(rule: FieldRule, member: Member, mapping: Mapping): void {
  const { name, raw } = member;
  switch (rule.as) {
    case "text":
      put(mapping, rule.to, textValue(member, rule.to, mapping));
      return;
    case "number":
      setNumber(rule.to, 1, member, mapping);
      return;
    case "scaled":
      setNumber(rule.to, rule.by, member, mapping);
      return;
    case "count":
      setCount(rule.to, member, mapping);
      return;
    case "boolean":
      if (!/^(true|false|[01])$/.test(raw)) throw wrongType(member, "true or false");
      put(mapping, rule.to, raw === "true" || raw === "1");
      return;
    case "payload":
      put(mapping, rule.to, jsonText(raw));
      return;
    case "time":
      setTime(rule.to, member, mapping);
      return;
    case "status": {
      const word = stringOf(member);
      const value = Object.hasOwn(rule.names, word.toLowerCase())
        ? rule.names[word.toLowerCase()]
        : undefined;
      if (value === undefined) throw new Unmappable(`unknown ${name}: ${JSON.stringify(word.slice(0, 80))}`);
      put(mapping, rule.to, value);
      return;
    }
    case "link": {
      const id = raw.startsWith('"') ? stringOf(member) : raw;
      if (/^[[{]/.test(raw)) throw wrongType(member, "an id");
      if (id !== "") put(mapping, rule.to, mapping.idOf(rule.kind, id));
      return;
    }
    case "numbers":
    case "counts":
    case "tags":
    case "texts":
      setCollection(rule.as, rule.to, member, mapping);
      return;
  }
}

function stringOf(member: Member): string {
  if (!member.raw.startsWith('"')) throw wrongType(member, "text");
  return stringText(member.raw);
}

function textValue(member: Member, to: string, mapping: Mapping): string {
  const text = stringOf(member);
  const fieldName = fieldNameOf(mapping.entity, to);
  const most = mapping.entity.maxLengths?.[fieldName] ?? (to === "agentId" ? 200 : Number.POSITIVE_INFINITY);
  if (text.length <= most && !hasUnstorable(text)) {
    mapping.exact.add(member.name);
    return text;
  }
  mapping.setAside += 1;
  return text.replace(/\0|\p{Surrogate}/gu, "\ufffd").slice(0, most);
}

function setNumber(to: string, by: number, member: Member, mapping: Mapping): void {
  if (!/^[-\dNI]/.test(member.raw)) throw wrongType(member, "a number");
  const value = Number(member.raw) / by;
  const range = rangeOf(mapping.entity, to);
  // Written so that NaN is outside every range, and in where there is none.
  if (!range || (value >= range[0] && value <= range[1])) put(mapping, to, value);
  else mapping.setAside += 1;
}

function setCount(to: string, member: Member, mapping: Mapping): void {
  if (!/^[-\dNI]/.test(member.raw)) throw wrongType(member, "a number");
  const [least, most] = rangeOf(mapping.entity, to) ?? [0, Number.MAX_SAFE_INTEGER];
  const isWhole = WHOLE.test(member.raw);
  const value = isWhole ? BigInt(member.raw) : 0n;
  if (!isWhole || value < least || value > most) {
    mapping.setAside += 1;
    return;
  }
  const field = mapping.entity.message.field[to];
  const isSmall = field?.fieldKind === "scalar" && field.scalar === INT32;
  put(mapping, to, isSmall ? Number(value) : value);
}

function setTime(to: string | undefined, member: Member, mapping: Mapping): void {
  const text = to === undefined && !member.raw.startsWith('"') ? "" : stringOf(member);
  const found = sourceTime(text);
  if (found && !found.hasZone) mapping.zonelessTimes += 1;
  if (to === undefined) return;
  if (!found)
    throw new Unmappable(`expected a time in ${member.name}, got ${JSON.stringify(text.slice(0, 80))}`);
  put(mapping, to, found.timestamp);
}

/** Keys and items that the field cannot hold stay in the rest alone. */
function setCollection(
  as: "numbers" | "counts" | "tags" | "texts",
  to: string,
  member: Member,
  mapping: Mapping,
): void {
  if (as === "texts") {
    // Some wrote a list of names as an object of what each is worth.
    const isObject = member.raw.startsWith("{");
    if (!isObject && !member.raw.startsWith("[")) throw wrongType(member, "a list");
    const items = isObject ? membersOf(member.raw).map(({ name }) => name) : textsOf(member.raw);
    const kept = items.filter((item) => item.length <= 1000 && !hasUnstorable(item)).slice(0, 64);
    put(mapping, to, kept);
    return;
  }
  if (!member.raw.startsWith("{")) throw wrongType(member, "an object");
  const entries: [string, unknown][] = [];
  const most = as === "tags" ? 64 : 10_000;
  for (const { name, raw } of membersOf(member.raw)) {
    const value = collectionValue(as, raw);
    const isKept = value !== undefined && name.length <= 100 && !hasUnstorable(name) && name !== "__proto__";
    if (isKept && entries.length < most) entries.push([name, value]);
    else mapping.setAside += 1;
  }
  put(mapping, to, Object.fromEntries(entries));
}

function collectionValue(as: "numbers" | "counts" | "tags", raw: string): unknown {
  if (as === "numbers") return /^[-\dNI]/.test(raw) ? Number(raw) : undefined;
  if (as === "counts") return /^-?\d{1,18}$/.test(raw) ? BigInt(raw) : undefined;
  const text = raw.startsWith('"') ? (JSON.parse(raw) as string) : raw;
  return text.length <= 1000 && !hasUnstorable(text) ? text : undefined;
}

function textsOf(raw: string): string[] {
  try {
    return (JSON.parse(raw) as unknown[]).filter((item) => typeof item === "string");
  } catch {
    // NaN somewhere in it: the list is in the rest.
    return [];
  }
}

function rangeOf(entity: EntityDeclaration, to: string): readonly [number, number] | undefined {
  return entity.ranges?.[fieldNameOf(entity, to)];
}

function fieldNameOf(entity: EntityDeclaration, to: string): string {
  return entity.message.field[to]?.name ?? to;
}

function wrongType({ name, raw }: Member, expected: string): Unmappable {
  return new Unmappable(`expected ${expected} in ${name}, got ${kindOfValue(raw)}`);
}

const INT32 = 5;
/** No range goes beyond 64 bits, which 19 digits hold; reading a number of millions of digits takes seconds. */
const WHOLE = /^-?\d{1,19}$/;
