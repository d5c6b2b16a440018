// The declarations of age-encryption name two types of browsers that Node's do not have as globals.
import type { webcrypto } from "node:crypto";

declare global {
  type CryptoKey = webcrypto.CryptoKey;
  interface AuthenticationExtensionsPRFValues {
    readonly first: ArrayBuffer;
    readonly second?: ArrayBuffer;
  }
}
