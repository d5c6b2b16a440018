import { type Kysely, sql } from "kysely";
import { vectorSql } from "../vector-sql.js";
import { secureTable } from "./0001-log.js";

/**
 * Embeddings once more, as bytes that a server compares without parsing them,
 * where the database has no pgvector. A row per memory that has ever had one:
 * whether it still has, and of which model, the memory says.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE holdfast.memory_vectors (
      tenant_id uuid NOT NULL,
      memory_id uuid NOT NULL,
      vector bytea NOT NULL,
      PRIMARY KEY (tenant_id, memory_id)
    )
  `.execute(db);
  // Numbers like these do not compress.
  await sql`ALTER TABLE holdfast.memory_vectors ALTER COLUMN vector SET STORAGE EXTERNAL`.execute(db);
  await secureTable(db, "memory_vectors", "state");
  // The owner is bound by the row policies; the append path sees every tenant.
  await sql`SET LOCAL ROLE holdfast_append`.execute(db);
  await sql`
    INSERT INTO holdfast.memory_vectors (tenant_id, memory_id, vector)
    SELECT m.tenant_id, m.id, ${sql.raw(vectorSql("m.embedding"))} FROM holdfast.memories m
    WHERE cardinality(m.embedding) > 0
  `.execute(db);
  await sql`RESET ROLE`.execute(db);
}
