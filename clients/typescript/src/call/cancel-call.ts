import type { Call } from "@grpc/grpc-js";

/**
 * Cancels a call, at the end of this turn of the event loop: one that is cancelled in the turn in which it starts
 * is forgotten by grpc-js without telling the server, where it would go on for as long as the connection lives.
 */
export function cancelCall(call: Pick<Call, "cancel">): void {
  setImmediate(() => call.cancel());
}
