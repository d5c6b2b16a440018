import type { ConnectOptions } from "./connect-options.js";
import { Holdfast } from "./holdfast.js";

/**
 * A client of one Holdfast. It connects when first used, and again whenever the connection is lost. Throws
 * TypeError for credentials over plaintext to another machine (see `allowPlaintextCredentials`).
 */
export function connect(options: ConnectOptions): Holdfast {
  return new Holdfast(options);
}
