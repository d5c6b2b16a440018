import { invalidFields } from "../core/errors.js";
import { isUuid } from "../core/uuid.js";
import type { RecordKey } from "../store/read-records.js";

/** The key of a Get request, as every service has it. */
export type RequestKey =
  | { readonly case: "id" | "externalId"; readonly value: string }
  | { readonly case: undefined; readonly value?: undefined };

/** A key of a request, checked. @throws INVALID_FIELD */
export function recordKey(key: RequestKey): RecordKey {
  if (key.case === "externalId" && key.value !== "") {
    if (!key.value.includes("\0")) return { externalId: key.value };
    throw invalidFields([{ field: "external_id", description: "expected text without NUL (U+0000)" }]);
  }
  const id = key.case === "id" ? key.value : "";
  if (!isUuid(id)) {
    const got = key.case === "id" ? JSON.stringify(id.slice(0, 80)) : "nothing";
    const field = key.case === "externalId" ? "external_id" : "id";
    throw invalidFields([{ field, description: `expected a UUID or an external_id, got ${got}` }]);
  }
  return { id: id.toLowerCase() };
}
