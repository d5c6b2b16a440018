import { pendingMigrations } from "./migrate.js";
import { databaseError } from "./sqlstate.js";

/** A database that this server cannot serve from as it is; the message says what to do. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

const INSUFFICIENT_PRIVILEGE = "42501";

/** Changes nothing. @throws SchemaError unless the database at `url` is at this version and its login may use it. */
export async function requireMigrated(options: { url: string }): Promise<void> {
  const pending = await pendingMigrations(options).catch((error: unknown) => {
    if (databaseError(error)?.code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new SchemaError(
      `The database's user may not use the schema holdfast (${(error as Error).message}). ` +
        "Run `GRANT holdfast_writer TO` this user as the schema's owner.",
      { cause: error },
    );
  });
  if (pending.length === 0) return;
  throw new SchemaError(
    `The database is not at this version, and HOLDFAST_MIGRATE=false leaves that to others. Pending: ${pending.join(", ")}. ` +
      "Run `holdfast migrate up` as the schema's owner.",
  );
}
