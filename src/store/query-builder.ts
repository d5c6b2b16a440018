import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "kysely";
import type { Statement } from "./database.js";

/** Tables and columns follow from the entity declarations at run time, so any name is one. */
type DeclaredTables = Record<string, Record<string, unknown>>;

/**
 * Kysely for what it is best at, composing statements. It does not run them:
 * ours travel with the tenant's settings in one round trip, see database.ts.
 */
export const queryBuilder = new Kysely<DeclaredTables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export function toStatement(compiled: CompiledQuery): Statement {
  return { text: compiled.sql, values: compiled.parameters };
}
