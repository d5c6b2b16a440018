import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import type { Layout } from "./layout.js";
import { systemErrorCode } from "./system-error.js";

/** What to tell a user whose data directory a system call failed on. */
export function directoryError(layout: Layout, cause: unknown): EmbeddedPostgresError {
  if (cause instanceof EmbeddedPostgresError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  const code = systemErrorCode(cause);
  const advice =
    code === "EACCES" || code === "EPERM"
      ? "It belongs to another account: run Holdfast as that account or as root, or give it another data directory."
      : "Make it writable, free some space, or give Holdfast another data directory.";
  return new EmbeddedPostgresError("NOT_USABLE", `Cannot use ${layout.directory} (${why}). ${advice}`, cause);
}
