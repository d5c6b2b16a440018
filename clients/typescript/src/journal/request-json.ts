import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { PayloadSchema } from "../../../../gen/holdfast/v1/payload_pb.js";

/** A request as a line holds it: `request`, to be read, or `wire` (base64) where JSON would not be exact. */
export type RequestJson = { readonly request: JsonValue } | { readonly wire: string };

/**
 * An encoded request as JSON of protobuf, but that payloads whose bytes are text hold them as `text`. What does not
 * come back from it exactly (a negative zero, a mask with unusual names) is kept as its bytes.
 */
export function requestToJson(schema: DescMessage, wire: Uint8Array): RequestJson {
  const message = fromBinary(schema, wire);
  try {
    const request = mapPayloads(schema, toJson(schema, message), readablePayload);
    const again = requestFromJson(schema, { request: JSON.parse(JSON.stringify(request)) as JsonValue });
    if (Buffer.from(toBinary(schema, message)).equals(again)) return { request };
  } catch {
    // JSON has no form for it.
  }
  return { wire: Buffer.from(wire).toString("base64") };
}

/** The encoded request. Throws for JSON that is none of this type. */
export function requestFromJson(schema: DescMessage, json: RequestJson): Uint8Array {
  if ("wire" in json) return Buffer.from(json.wire, "base64");
  return toBinary(schema, fromJson(schema, mapPayloads(schema, json.request, encodedPayload)));
}

type PayloadMap = (payload: JsonObject) => JsonObject;

function mapPayloads(schema: DescMessage, json: JsonValue, map: PayloadMap): JsonValue {
  if (!isObject(json)) return json;
  if (schema.typeName === PayloadSchema.typeName) return map(json);
  const mapped: JsonObject = { ...json };
  for (const { jsonName, fieldKind, message } of schema.fields) {
    const value = json[jsonName];
    if (value === undefined || !message) continue;
    const each = (item: JsonValue) => mapPayloads(message, item, map);
    if (Array.isArray(value)) mapped[jsonName] = value.map(each);
    else if (fieldKind === "map" && isObject(value)) {
      mapped[jsonName] = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item)]));
    } else mapped[jsonName] = each(value);
  }
  return mapped;
}

function readablePayload({ data, ...rest }: JsonObject): JsonObject {
  if (typeof data !== "string") return rest;
  const bytes = Buffer.from(data, "base64");
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) ? { text, ...rest } : { data, ...rest };
}

function encodedPayload({ text, ...rest }: JsonObject): JsonObject {
  return typeof text === "string" ? { data: Buffer.from(text).toString("base64"), ...rest } : rest;
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
