import {
  type Configuration,
  ConfigurationValueType as ValueType,
} from "../../gen/holdfast/v1/configuration_pb.js";
import type { Payload } from "../../gen/holdfast/v1/payload_pb.js";
import { type FieldViolation, refuseViolations } from "../core/errors.js";
import { strictJson } from "../entities/stored-payload.js";

const FIELD = "configuration.value";

/**
 * Checks that a value is of its type, and JSON if it has a schema; takes time linear in its length.
 *
 * @throws INVALID_FIELD, which never quotes the value
 */
export function checkType({ value, valueType, schema }: Configuration): void {
  if (!value) return;
  const json = strictJson(value);
  const violations: FieldViolation[] = [];
  const wanted = WANTED[valueType];
  if (wanted && !wanted.holds(json, value)) {
    violations.push({ field: FIELD, description: `expected ${wanted.text}, got ${kindOf(json)}` });
  }
  if (schema && !json) {
    violations.push({ field: FIELD, description: "expected JSON, which its schema is for, got bytes" });
  }
  refuseViolations(violations);
}

/** The parsed value, or undefined where the payload is no strict JSON. */
type Json = { readonly value: unknown } | undefined;

interface Wanted {
  readonly text: string;
  holds(json: Json, payload: Payload): boolean;
}

const WANTED: Readonly<Partial<Record<ValueType, Wanted>>> = {
  [ValueType.STRING]: {
    text: "a JSON string or text",
    holds: (json, payload) => (json ? typeof json.value === "string" : isText(payload)),
  },
  [ValueType.NUMBER]: { text: "a JSON number", holds: (json) => typeof json?.value === "number" },
  [ValueType.BOOLEAN]: { text: "true or false", holds: (json) => typeof json?.value === "boolean" },
  [ValueType.JSON]: { text: "JSON", holds: (json) => json !== undefined },
};

function isText({ data, contentType }: Payload): boolean {
  if (!contentType.startsWith("text/")) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(data);
    return true;
  } catch {
    return false;
  }
}

function kindOf(json: Json): string {
  if (!json) return "bytes that are no JSON";
  if (json.value === null) return "null";
  return Array.isArray(json.value) ? "an array" : `a JSON ${typeof json.value}`;
}
