import { type Kysely, sql } from "kysely";
import { searchTermsSql } from "../search-terms.js";
import { secureTable } from "./0001-log.js";

/** What finds memories by their words, keeps how often they were found outside the log, and lets them expire. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Reading changes these without changing the memory: they are no part of its revisions.
  await sql`ALTER TABLE holdfast.memories DROP COLUMN access_time, DROP COLUMN access_count`.execute(db);
  await sql`
    CREATE TABLE holdfast.memory_access (
      tenant_id uuid NOT NULL,
      memory_id uuid NOT NULL,
      access_time timestamptz NOT NULL,
      access_count bigint NOT NULL,
      PRIMARY KEY (tenant_id, memory_id)
    ) WITH (fillfactor = 80)
  `.execute(db);
  await secureTable(db, "memory_access", "state");

  await sql`
    ALTER TABLE holdfast.memories ADD COLUMN search_terms tsvector NOT NULL
    GENERATED ALWAYS AS (${sql.raw(searchTermsSql("content", "tenant_id"))}) STORED
  `.execute(db);
  // Without a list of pending entries, which every search would read through.
  await sql`
    CREATE INDEX memories_search_terms ON holdfast.memories USING gin (search_terms) WITH (fastupdate = off)
  `.execute(db);
  await sql`
    CREATE INDEX memories_expire ON holdfast.memories (tenant_id, expire_time)
    WHERE expire_time IS NOT NULL AND delete_time IS NULL
  `.execute(db);
  await sql`
    CREATE INDEX memories_working
    ON holdfast.memories (tenant_id, session_id, agent_id)
    WHERE type = 'WORKING' AND delete_time IS NULL
  `.execute(db);
  await createWords(db);
}

// Each word of a tenant's memories by each of its trigrams, and once by itself
// under ''. Plain rows rather than pg_trgm, which may not be installed, sees
// nothing but ASCII in a database with the C locale, and has no index that is
// led by the tenant.
async function createWords(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE holdfast.memory_words (
      tenant_id uuid NOT NULL,
      trigram text NOT NULL,
      word text NOT NULL,
      PRIMARY KEY (tenant_id, trigram, word)
    )
  `.execute(db);
  await secureTable(db, "memory_words", "append");
}
