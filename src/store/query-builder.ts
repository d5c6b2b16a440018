import {
  type CompiledQuery,
  DummyDriver,
  type Generated,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "kysely";
import type { Statement } from "./database.js";

/** The columns every table of current state has; an entity's own follow from its declaration. */
export interface StateTable {
  tenant_id: string;
  id: string;
  external_id: string | null;
  agent_id: string | null;
  labels: string;
  position: bigint;
  create_time: Generated<bigint>;
  revision: bigint;
  update_time: bigint;
  delete_time: bigint | null;
  type: string;
  status: string;
}

export interface Tables {
  "holdfast.sessions": StateTable;
  "holdfast.actions": StateTable & { session_id: string | null };
}

/**
 * Kysely for what it is best at, building typed statements. It does not run
 * them: ours travel with the tenant's settings in one round trip, see database.ts.
 */
export function createQueryBuilder(): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

export function toStatement(compiled: CompiledQuery): Statement {
  return { text: compiled.sql, values: compiled.parameters };
}
