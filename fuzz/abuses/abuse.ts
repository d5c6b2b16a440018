import type { AbuseTenant } from "./abuse-tenant.js";

/** A way to get more of a server than calls that are answered one by one. */
export interface Abuse {
  readonly name: string;
  /**
   * Does it once, in a way that the number chooses. Resolves, when it is over, with what the server did wrong; that
   * it is slow or no longer serves others is seen by whoever runs it.
   */
  run(tenant: AbuseTenant, number: number): Promise<readonly string[]>;
}
