import type { Transport } from "./transport.js";

/** What the client of a service calls with: the connection, and ids (UUIDv7) for whatever it makes. */
export interface Caller {
  readonly transport: Transport;
  readonly newId: () => string;
}
