import { type Kysely, sql } from "kysely";
import { SAMPLED } from "../memory-sample.js";
import { searchTermsSql } from "../search-terms.js";

/** Memories whose terms cost less to make, to index, and to find when they are common. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // The terms themselves stay the same; before Postgres 17 only a new column can have another expression.
  await sql`ALTER TABLE holdfast.memories DROP COLUMN search_terms`.execute(db);
  await sql`
    ALTER TABLE holdfast.memories ADD COLUMN search_terms tsvector NOT NULL
    GENERATED ALWAYS AS (${sql.raw(searchTermsSql("content", "tenant_id"))}) STORED
  `.execute(db);
  // Entries wait until some hundred memories' can be put in their places together, which takes less than half of the work
  // and two thirds of the WAL. Every search reads through what waits, so it is little.
  await sql`
    CREATE INDEX memories_search_terms ON holdfast.memories USING gin (search_terms)
    WITH (fastupdate = on, gin_pending_list_limit = 256)
  `.execute(db);
  // How common a term is among a sample tells how to find it, without reading the long list of a common one.
  await sql`
    CREATE INDEX memories_sampled_terms ON holdfast.memories USING gin (search_terms)
    WITH (fastupdate = off) WHERE ${sql.raw(SAMPLED)}
  `.execute(db);
}
