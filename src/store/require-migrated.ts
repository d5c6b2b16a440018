import { sql } from "kysely";
import { pendingMigrations } from "./migrate.js";
import { openOwnerConnection } from "./owner-connection.js";

/** A database that this server cannot serve from as it is; the message says what to do. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

/** Changes nothing. @throws SchemaError unless the database at `url` is at this version and its user may use it. */
export async function requireMigrated({ url }: { url: string }): Promise<void> {
  const stranger = await findStranger(url);
  if (stranger !== undefined) {
    throw new SchemaError(
      `The database's user ${stranger} may not use the schema holdfast. ` +
        `As the schema's owner: GRANT holdfast_writer TO ${stranger}`,
    );
  }
  const pending = await pendingMigrations({ url });
  if (pending.length === 0) return;
  throw new SchemaError(
    "The database is not at this version, and HOLDFAST_MIGRATE=false leaves that to others. " +
      `Pending: ${pending.join(", ")}. Run \`holdfast migrate up\` as the schema's owner.`,
  );
}

/** The user, if there is a schema of which it may see nothing: to it every migration would seem pending. */
async function findStranger(url: string): Promise<string | undefined> {
  const db = openOwnerConnection(url);
  try {
    const { rows } = await sql<{ name: string }>`
      SELECT quote_ident(current_user) AS name
      WHERE to_regnamespace('holdfast') IS NOT NULL AND to_regrole('holdfast_writer') IS NOT NULL
        AND NOT pg_has_role(to_regrole('holdfast_writer'), 'USAGE')
    `.execute(db);
    return rows[0]?.name;
  } finally {
    await db.destroy();
  }
}
