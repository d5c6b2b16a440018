import { type DescEnum, type DescField, type DescMessage, isFieldSet } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Event, EventSchema } from "../../gen/holdfast/v1/event_pb.js";
import { type Payload, PayloadSchema } from "../../gen/holdfast/v1/payload_pb.js";
import { formatPayload } from "./format-payload.js";
import { printable } from "./printable.js";

type Entity = NonNullable<Event["entity"]["value"]>;

/** The fields below this number are common to all entities; of those only these tell a reader something. */
const FIRST_OWN_FIELD = 11;
const TELLING_COMMON_FIELDS = new Set(["id", "external_id", "agent_id"]);
/** A longer list of numbers is an embedding, which says nothing to a reader: only its length is shown. */
const MOST_NUMBERS_SHOWN = 8;

/** What is set in an entity, as `name=value` in the order of the proto file; times are left out. */
export function formatFields(descriptor: DescMessage, entity: Entity): string {
  const values = entity as unknown as Readonly<Record<string, unknown>>;
  return descriptor.fields
    .filter((field) => field.number >= FIRST_OWN_FIELD || TELLING_COMMON_FIELDS.has(field.name))
    .filter((field) => field.message !== TimestampSchema && isFieldSet(entity, field))
    .map((field) => `${field.name}=${formatValue(field, values[field.localName])}`)
    .join(" ");
}

/** The descriptor of what an event carries, by the name of the field it is in. */
export function entityField(localName: string): DescField & { readonly fieldKind: "message" } {
  for (const field of EventSchema.oneofs.flatMap((oneof) => oneof.fields)) {
    if (field.localName === localName && field.fieldKind === "message") return field;
  }
  throw new TypeError(`no entity ${localName}`);
}

function formatValue(field: DescField, value: unknown): string {
  if (field.fieldKind === "enum") return enumName(field.enum, value as number);
  if (field.message === PayloadSchema) return formatPayload(value as Payload);
  if (typeof value === "string") return formatText(value);
  if (Array.isArray(value) && value.length > MOST_NUMBERS_SHOWN && typeof value[0] === "number") {
    return `[${value.length} numbers]`;
  }
  return typeof value === "object" ? printable(JSON.stringify(value, withBigInts)) : String(value);
}

function withBigInts(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function enumName({ value, sharedPrefix = "" }: DescEnum, number: number): string {
  return value[number]?.name.slice(sharedPrefix.length) ?? String(number);
}

function formatText(text: string): string {
  const shown = printable(text);
  return /^[\w.:/@+-]+$/.test(shown) ? shown : `"${shown}"`;
}
