import { ArchiveError } from "../archive/archive-error.js";
import { ConfigError } from "../config.js";
import { HoldfastError } from "../core/errors.js";
import { ImportError } from "../legacy/import-error.js";
import { EmbeddedPostgresError } from "../postgres/embedded-postgres-error.js";
import { ListenError } from "../rpc/listen-error.js";
import { SchemaError } from "../store/require-migrated.js";
import { databaseError, errorFromDatabase } from "../store/sqlstate.js";
import { CommandError } from "./command-error.js";

/** What went wrong, for a person who can do something about it; undefined when it is a defect. */
export function explain(error: unknown): string | undefined {
  if (error instanceof CommandError || error instanceof ConfigError) return error.message;
  if (error instanceof SchemaError || error instanceof EmbeddedPostgresError) return error.message;
  if (error instanceof ArchiveError || error instanceof ImportError) return error.message;
  if (error instanceof ListenError) {
    const advice = error.code === "EADDRINUSE" ? " Stop that one, or choose another port." : "";
    return `Holdfast ${error.message}.${advice}`;
  }
  return explainDatabase(error);
}

function explainDatabase(error: unknown): string | undefined {
  const refusal = databaseError(error);
  const cause = error instanceof HoldfastError ? error.cause : error;
  if (refusal) return `Postgres refuses: ${textOf(cause)} (SQLSTATE ${refusal.code}).`;
  if (errorFromDatabase(error) instanceof HoldfastError)
    return `Postgres cannot be reached: ${textOf(cause)}.`;
  return undefined;
}

/** A connection that failed on every address of a host has its texts inside and none of its own. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(textOf))].join("; ");
  return error instanceof Error ? error.message : String(error);
}
