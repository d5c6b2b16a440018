import { createHash } from "node:crypto";

/** Callers remembered; past it all are forgotten, and known again by their next call. */
const MOST = 10_000;

/** Whose call it is, as its headers say. */
export interface CallerHeaders {
  readonly authorization: string | undefined;
  readonly tenant: string | undefined;
}

/**
 * The tenants of callers who were authenticated before. Only good for refusing: whoever is served is authenticated
 * all the same.
 */
export class KnownCallers {
  readonly #tenants = new Map<string, string>();

  tenantOf(caller: CallerHeaders): string | undefined {
    return this.#tenants.get(keyOf(caller));
  }

  remember(caller: CallerHeaders, tenantId: string): void {
    if (this.#tenants.size >= MOST) this.#tenants.clear();
    this.#tenants.set(keyOf(caller), tenantId);
  }
}

function keyOf({ authorization, tenant = "" }: CallerHeaders): string {
  if (authorization === undefined) return tenant;
  // Not the token itself: only its holder keeps that.
  return `${tenant} ${createHash("sha256").update(authorization).digest("base64")}`;
}
