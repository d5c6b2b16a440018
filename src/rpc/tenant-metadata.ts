import type { Metadata } from "@grpc/grpc-js";
import { invalidFields } from "../core/errors.js";
import { isUuid } from "../core/uuid.js";

/** Metadata key by which a caller names its tenant. */
export const TENANT_KEY = "holdfast-tenant";

/** The tenant of callers who name none. */
export const DEFAULT_TENANT_ID = "00000000-0000-0000-0000-000000000001";

/** The tenant the caller names, in lower case, or undefined. Throws INVALID_FIELD when it is not one UUID. */
export function tenantIdFrom(metadata: Metadata): string | undefined {
  const values = metadata.get(TENANT_KEY);
  if (values.length === 0) return undefined;
  const tenantId = String(values[0]).toLowerCase();
  if (values.length > 1 || !isUuid(tenantId)) {
    const got =
      values.length > 1 ? `${values.length} values` : JSON.stringify(String(values[0]).slice(0, 64));
    throw invalidFields([{ field: TENANT_KEY, description: `expected a UUID in the metadata, got ${got}` }]);
  }
  return tenantId;
}
