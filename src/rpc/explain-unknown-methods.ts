import { randomUUID } from "node:crypto";
import type { Server, StatusObject } from "@grpc/grpc-js";
import { trailersFromError } from "./trailers.js";
import { errorFromTransport } from "./transport-error.js";

type Respond = (status: Pick<StatusObject, "code" | "details">, ...rest: readonly unknown[]) => void;

/**
 * Gives the answer to a call of a method that there is not the details every other failed call has. grpc-js answers it
 * before interceptors and handlers; this method of its own is all that comes in between. Should a version not have it,
 * the answer goes without the details.
 */
export function explainUnknownMethods(server: Server): void {
  const internals = server as unknown as { _respondWithError?: Respond };
  const respond = internals._respondWithError?.bind(server);
  if (!respond) return;
  internals._respondWithError = (status, ...rest) =>
    respond(trailersFromError(errorFromTransport(status), randomUUID()), ...rest);
}
