import { Metadata } from "@grpc/grpc-js";
import type { ConnectOptions, RequestMetadata } from "../connect-options.js";
import { HoldfastError } from "../holdfast-error.js";
import { EncodeError } from "../wire/encode-error.js";

/** Builds the metadata of each call from the connection's credentials. */
export function createMetadataSource(options: ConnectOptions): (own?: RequestMetadata) => Promise<Metadata> {
  const { token, metadata, tenantId } = options;
  return async (own = {}) => {
    const result = new Metadata();
    if (tenantId !== undefined) putAll(result, { "holdfast-tenant": tenantId });
    try {
      const bearer = typeof token === "function" ? await token() : token;
      if (bearer !== undefined) put(result, "authorization", `Bearer ${bearer}`);
      const shared = typeof metadata === "function" ? await metadata() : metadata;
      for (const [name, value] of Object.entries(shared ?? {})) put(result, name, value);
    } catch (thrown) {
      if (thrown instanceof HoldfastError) throw thrown;
      // Whoever issues tokens may be away for a moment: not a reason to give records up.
      const message = `no credentials: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      throw new HoldfastError(message, { code: "UNAVAILABLE", cause: thrown });
    }
    putAll(result, own);
    return result;
  };
}

/** Throws INVALID_ARGUMENT. */
function putAll(metadata: Metadata, values: RequestMetadata): void {
  try {
    for (const [name, value] of Object.entries(values)) put(metadata, name, value);
  } catch (thrown) {
    throw HoldfastError.from(thrown);
  }
}

/** Throws EncodeError. Its text does not have the value, which may be a secret: errors end up in logs. */
function put(metadata: Metadata, name: string, value: string): void {
  try {
    metadata.set(name, value);
  } catch {
    throw new EncodeError(`metadata.${name}`, "expected a name and a text that an HTTP/2 header can hold");
  }
}
