import { Metadata } from "@grpc/grpc-js";
import type { ConnectOptions, RequestMetadata } from "../connect-options.js";
import { HoldfastError } from "../holdfast-error.js";

/** Builds the metadata of each call from the connection's credentials. */
export function createMetadataSource(options: ConnectOptions): (own?: RequestMetadata) => Promise<Metadata> {
  const { token, metadata, tenantId } = options;
  return async (own = {}) => {
    const result = new Metadata();
    if (tenantId !== undefined) result.set("holdfast-tenant", tenantId);
    try {
      const bearer = typeof token === "function" ? await token() : token;
      if (bearer !== undefined) result.set("authorization", `Bearer ${bearer}`);
      const shared = typeof metadata === "function" ? await metadata() : metadata;
      for (const [name, value] of Object.entries(shared ?? {})) result.set(name, value);
    } catch (thrown) {
      if (thrown instanceof HoldfastError) throw thrown;
      // Whoever issues tokens may be away for a moment: not a reason to give records up.
      const message = `no credentials: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      throw new HoldfastError(message, { code: "UNAVAILABLE", cause: thrown });
    }
    for (const [name, value] of Object.entries(own)) result.set(name, value);
    return result;
  };
}
