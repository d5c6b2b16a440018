import { createHash, timingSafeEqual } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { Principal } from "../core/principal.js";
import type { Authenticator } from "./authenticate.js";

/** A bearer token that is let in, and as whom. The token itself is known to its holder alone. */
export interface AcceptedToken {
  /** SHA-256 of the token. */
  readonly sha256: Uint8Array;
  readonly principal: Principal;
}

/** Lets in callers with `authorization: Bearer <token>` whose digest is listed. */
export function tokenAuthenticator(tokens: readonly AcceptedToken[]): Authenticator {
  return async (metadata) => {
    const principal = findPrincipal(tokens, bearerTokenFrom(metadata));
    if (!principal) throw unauthenticated("the bearer token is not known");
    return principal;
  };
}

function findPrincipal(tokens: readonly AcceptedToken[], token: string): Principal | undefined {
  const digest = createHash("sha256").update(token).digest();
  let found: Principal | undefined;
  // All are compared, in constant time each: how long it takes tells nothing of how near a guess came.
  for (const { sha256, principal } of tokens) {
    if (timingSafeEqual(sha256, digest)) found = principal;
  }
  return found;
}

function bearerTokenFrom(metadata: Metadata): string {
  const values = metadata.get("authorization");
  const token = /^Bearer +(\S+)$/i.exec(String(values[0]))?.[1];
  if (values.length !== 1 || token === undefined) {
    throw unauthenticated("expected the metadata authorization: Bearer <token>");
  }
  return token;
}

function unauthenticated(message: string): HoldfastError {
  return new HoldfastError(ErrorReason.UNAUTHENTICATED, message);
}
