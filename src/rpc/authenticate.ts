import type { Metadata } from "@grpc/grpc-js";
import type { Principal } from "../core/principal.js";

/**
 * Establishes who calls. Runs before any request message is read. Refuses by throwing a HoldfastError, as a rule
 * UNAUTHENTICATED.
 *
 * @param peer address of the other end, "127.0.0.1:50123"
 */
export type Authenticator = (metadata: Metadata, peer: string) => Promise<Principal>;
