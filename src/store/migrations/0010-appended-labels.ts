import type { Kysely } from "kysely";
import { createContentIndex } from "./0003-remaining-entities.js";

/** Appended rows are found by their labels as all others are; those without any stay out of it and cost nothing. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ["observations", "decisions", "performance_metrics", "security_audits"]) {
    await createContentIndex(db, table, "labels", "{}");
  }
}
