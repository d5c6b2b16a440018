import type { Authenticator } from "./authenticate.js";
import { DEFAULT_TENANT_ID, tenantIdFrom } from "./tenant-metadata.js";

/** Believes every caller: only for a server that nobody else can reach. The tenant is the one named, or the default. */
export function anonymousAuthenticator(): Authenticator {
  return async (metadata) => ({
    tenantId: tenantIdFrom(metadata) ?? DEFAULT_TENANT_ID,
    actor: "anonymous",
  });
}
