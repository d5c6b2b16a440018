import { Transport } from "./call/transport.js";
import type { ConnectOptions } from "./connect-options.js";
import { Holdfast } from "./holdfast.js";
import type { JournalOptions } from "./journal/journal-options.js";
import { createJournaledHoldfast, type JournaledHoldfast } from "./journal/journaled-holdfast.js";

/**
 * With a journal: see {@link JournaledHoldfast}. Throws the system's error for a directory that cannot be used, and
 * what `connect` throws without one.
 */
export function connect(options: ConnectOptions & { readonly journal: JournalOptions }): JournaledHoldfast;
/**
 * A client of one Holdfast. It connects when first used, and again whenever the connection is lost. Throws
 * TypeError for credentials over plaintext to another machine (see `allowPlaintextCredentials`), HoldfastError
 * INVALID_ARGUMENT for an address, a number or a certificate among the options that makes no sense.
 */
export function connect(options: ConnectOptions & { readonly journal?: undefined }): Holdfast;
export function connect(
  options: ConnectOptions & { readonly journal?: JournalOptions | undefined },
): Holdfast | JournaledHoldfast {
  const { journal } = options;
  return journal ? createJournaledHoldfast({ ...options, journal }) : new Holdfast(new Transport(options));
}
