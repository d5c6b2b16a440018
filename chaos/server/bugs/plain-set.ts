import { beginAs } from "../../../src/store/begin-as.js";
import { alterConnections } from "../alter-connections.js";
import type { Bug } from "./bug.js";

/** The tenant is set for the connection instead of the transaction, and stays when the next one borrows it. */
export const plainSet: Bug = {
  name: "plain-set",
  breaks: "Isolated",
  faults: ["client-reset"],
  roles: ["record", "read-back"],
  database: (database) =>
    alterConnections(database, (connections) => ({
      read: (tenantId, read) =>
        connections.withConnection(async (run) => {
          const begin = beginAs(tenantId, "READ ONLY");
          const begun = run(begin.replace("SET LOCAL holdfast.tenant", "SET holdfast.tenant"));
          begun.catch(() => {});
          try {
            const result = await read(run);
            await begun;
            return result;
          } finally {
            await run("COMMIT").catch(() => {});
          }
        }),
    })),
};
