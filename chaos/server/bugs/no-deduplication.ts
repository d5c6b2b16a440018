import type { Run } from "../../../src/store/database.js";
import { alterConnections } from "../alter-connections.js";
import type { Bug } from "./bug.js";

/** Nothing is looked up and no index refuses: what is sent again is stored again. */
export const noDeduplication: Bug = {
  name: "no-deduplication",
  breaks: "ExactlyOnce",
  faults: ["execute-then-timeout", "client-reset"],
  roles: ["record", "append-batches"],
  // Of all that recorders write: one index left would refuse a whole flush.
  schema: ["observations", "performance_metrics"].map(
    (table) => `ALTER TABLE holdfast.${table} DROP CONSTRAINT ${table}_pkey`,
  ),
  database: (database) => {
    const forgetful =
      (run: Run): Run =>
      async (statement) =>
        typeof statement !== "string" && statement.name?.startsWith("existing ") ? [] : run(statement);
    return alterConnections(database, (connections) => ({
      read: (tenantId, read, bounds) => connections.read(tenantId, (run) => read(forgetful(run)), bounds),
      withConnection: (use) => connections.withConnection((run) => use(forgetful(run))),
    }));
  },
};
