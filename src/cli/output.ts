import type { Writable } from "node:stream";

/** A stream that may be somebody's terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean };

/** Where a command writes: those of its process, or of whoever runs it within theirs. */
export interface Output {
  /** What was asked for. */
  readonly stdout: OutputStream;
  /** What the user should know besides. */
  readonly stderr: OutputStream;
}
