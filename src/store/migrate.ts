import { createHash } from "node:crypto";
import { type Kysely, type MigrationInfo, Migrator, sql } from "kysely";
import { HoldfastError } from "../core/errors.js";
import { entities } from "../entities/registry.js";
import { kyselyWithin } from "./archive/kysely-within.js";
import * as log from "./migrations/0001-log.js";
import * as streamedEntities from "./migrations/0002-streamed-entities.js";
import * as remainingEntities from "./migrations/0003-remaining-entities.js";
import * as goals from "./migrations/0004-goals.js";
import * as memories from "./migrations/0005-memories.js";
import * as learning from "./migrations/0006-learning.js";
import * as history from "./migrations/0007-history.js";
import * as memorySearch from "./migrations/0008-memory-search.js";
import * as memoryVectors from "./migrations/0009-memory-vectors.js";
import * as appendedLists from "./migrations/0010-appended-lists.js";
import * as writerRole from "./migrations/0011-writer-role.js";
import * as imports from "./migrations/0014-imports.js";
import * as servers from "./migrations/0015-servers.js";
import { openOwnerConnection } from "./owner-connection.js";
import { withOwnerSession } from "./owner-session.js";
import { routines } from "./routines.js";

const migrations = {
  "0001-log": log,
  "0002-streamed-entities": streamedEntities,
  "0003-remaining-entities": remainingEntities,
  "0004-goals": goals,
  "0005-memories": memories,
  "0006-learning": learning,
  "0007-history": history,
  "0008-memory-search": memorySearch,
  "0009-memory-vectors": memoryVectors,
  "0010-appended-lists": appendedLists,
  "0011-writer-role": writerRole,
  "0014-imports": imports,
  "0015-servers": servers,
};

export interface MigrationStatus {
  readonly name: string;
  /** When it was applied; undefined while pending. */
  readonly appliedAt: Date | undefined;
}

/**
 * Brings the database at `url` to this version: tables, roles, functions.
 * Several servers may do so at once; one works, the others wait.
 *
 * @returns the names of what was applied, empty if there was nothing to do.
 * @throws whatever the first failing migration threw; it left nothing behind.
 */
export async function migrateUp(options: { url: string }): Promise<readonly string[]> {
  try {
    return await withOwnerSession(options.url, "READ WRITE", ({ client }) =>
      migrateWithin(kyselyWithin(client)),
    );
  } catch (error) {
    // Whoever owns the schema is told what Postgres said.
    throw error instanceof HoldfastError && error.cause !== undefined ? error.cause : error;
  }
}

/** What this version knows and which of it the database at `url` has. */
export async function migrationStatus(options: { url: string }): Promise<readonly MigrationStatus[]> {
  const db = openOwnerConnection(options.url);
  try {
    const known = await createMigrator(db).getMigrations();
    return known.map(({ name, executedAt }: MigrationInfo) => ({ name, appliedAt: executedAt }));
  } finally {
    await db.destroy();
  }
}

/** What `migrateUp` would apply to the database at `url`. */
export async function pendingMigrations(options: { url: string }): Promise<readonly string[]> {
  const db = openOwnerConnection(options.url);
  try {
    const known = await createMigrator(db).getMigrations();
    const pending = known.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name);
    if (pending.length > 0) return [...pending, "routines"];
    const { rows } = await sql<{ version: string }>`SELECT version FROM holdfast.routines`.execute(db);
    return rows[0]?.version === versionOf(routines(entities)) ? [] : ["routines"];
  } finally {
    await db.destroy();
  }
}

/**
 * The same within a transaction that the caller has begun, so that all of it can still be undone.
 *
 * @param db as `kyselyWithin` makes it.
 * @param upTo the last migration to apply; without one all are, and the routines replaced.
 * @returns the names of what was applied.
 */
export async function migrateWithin(db: Kysely<unknown>, upTo?: string): Promise<readonly string[]> {
  await sql`SELECT pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(db);
  const migrator = createMigrator(db);
  const { error, results = [] } = await (upTo === undefined
    ? migrator.migrateToLatest()
    : migrator.migrateTo(upTo));
  if (error) throw error;
  const applied = results.map((result) => result.migrationName);
  return upTo === undefined && (await replaceRoutines(db)) ? [...applied, "routines"] : applied;
}

/** Every migration this version knows, in order. */
export const migrationNames: readonly string[] = Object.keys(migrations);

function createMigrator(db: Kysely<unknown>): Migrator {
  return new Migrator({
    db,
    // All of it belongs to the caller's transaction.
    disableTransactions: true,
    provider: { getMigrations: async () => migrations },
    migrationTableSchema: "holdfast",
    migrationTableName: "migrations",
    migrationLockTableName: "migrations_lock",
  });
}

/** The key that Kysely locks while it migrates, so that this waits for versions that leave the lock to Kysely. */
const MIGRATION_LOCK = 3853314791062309107n;
/** An arbitrary number that no other use of advisory locks in the database should share. */
const ROUTINES_LOCK = 4650_0001;

async function replaceRoutines(tx: Kysely<unknown>): Promise<boolean> {
  const statements = routines(entities);
  const version = versionOf(statements);
  await sql`SELECT pg_advisory_xact_lock(${ROUTINES_LOCK})`.execute(tx);
  await sql`CREATE TABLE IF NOT EXISTS holdfast.routines (version text PRIMARY KEY)`.execute(tx);
  const { rows } = await sql<{ version: string }>`SELECT version FROM holdfast.routines`.execute(tx);
  if (rows[0]?.version === version) return false;
  await dropRoutines(tx);
  for (const statement of statements) await sql.raw(statement).execute(tx);
  await grantRoutines(tx);
  await sql`GRANT SELECT ON holdfast.routines TO holdfast_writer`.execute(tx);
  await sql`DELETE FROM holdfast.routines`.execute(tx);
  await sql`INSERT INTO holdfast.routines (version) VALUES (${version})`.execute(tx);
  return true;
}

function versionOf(statements: readonly string[]): string {
  return createHash("sha256").update(statements.join("\n")).digest("hex");
}

async function dropRoutines(tx: Kysely<unknown>): Promise<void> {
  for (const { signature } of await existingRoutines(tx)) {
    await sql.raw(`DROP FUNCTION ${signature}`).execute(tx);
  }
}

// They run as holdfast_append, whom the row policies of the append path name;
// a function's new owner must for that moment be allowed to create in the schema.
async function grantRoutines(tx: Kysely<unknown>): Promise<void> {
  await sql`GRANT CREATE ON SCHEMA holdfast TO holdfast_append`.execute(tx);
  for (const { signature, readsOneTenant } of await existingRoutines(tx)) {
    const caller = readsOneTenant ? "holdfast_runtime" : "holdfast_writer";
    await sql.raw(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`).execute(tx);
    await sql.raw(`GRANT EXECUTE ON FUNCTION ${signature} TO ${caller}`).execute(tx);
    await sql.raw(`ALTER FUNCTION ${signature} OWNER TO holdfast_append`).execute(tx);
  }
  await sql`REVOKE CREATE ON SCHEMA holdfast FROM holdfast_append`.execute(tx);
}

interface Routine {
  readonly signature: string;
  /** Whether it cannot write, and goes by the tenant of the transaction rather than by an argument. */
  readonly readsOneTenant: boolean;
}

async function existingRoutines(tx: Kysely<unknown>): Promise<readonly Routine[]> {
  const { rows } = await sql<Routine>`
    SELECT oid::regprocedure::text AS signature,
      provolatile <> 'v' AND prosrc LIKE '%current_setting(''holdfast.tenant''%' AS "readsOneTenant"
    FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace AND prokind = 'f'
  `.execute(tx);
  return rows;
}
