import type { DescMethodUnary } from "@bufbuild/protobuf";

/** One call that waits to be made. */
export interface JournalWrite {
  readonly method: DescMethodUnary;
  /** Encoded. */
  readonly request: Uint8Array;
  /** Of what it writes, or of the change. */
  readonly ids: readonly string[];
  /** The call's own request metadata, without credentials. */
  readonly metadata: Readonly<Record<string, string>>;
}

const CREDENTIAL = /auth|cookie|token|secret|password|credential|api-?key/i;

/** What may lie on disk of a call's metadata. */
export function withoutCredentials(
  metadata: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !CREDENTIAL.test(name)));
}
