import type { Authenticator } from "./authenticate.js";
import { DEFAULT_TENANT_ID, tenantIdFrom } from "./tenant-metadata.js";

/**
 * Believes every caller: only for a server that nobody else can reach. The tenant is the one named, or the default.
 * A caller that shows nothing may do everything but read secrets.
 */
export function anonymousAuthenticator(): Authenticator {
  return async (metadata) => ({
    tenantId: tenantIdFrom(metadata) ?? DEFAULT_TENANT_ID,
    actor: "anonymous",
    roles: ["reader", "writer", "admin"],
  });
}
