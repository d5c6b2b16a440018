import { setTimeout as delay } from "node:timers/promises";
import { alterConnections } from "../alter-connections.js";
import { isAppend } from "../failing-database.js";
import type { Bug } from "./bug.js";

const COMMIT_LATER_MS = 250;

/** The answer goes out when the statement has run; the commit follows. */
export const ackBeforeCommit: Bug = {
  name: "ack-before-commit",
  breaks: "Durable",
  faults: ["kill-server", "terminate-backends"],
  roles: ["record", "append-batches"],
  database: (database) =>
    alterConnections(database, (connections) => ({
      run(statement) {
        if (!isAppend(statement)) return connections.run(statement);
        // Not on a connection that goes on with the next flush meanwhile.
        return new Promise((resolve, reject) => {
          database
            .withConnection(async (run) => {
              await run("BEGIN");
              try {
                resolve((await run(statement)) as never);
                await delay(COMMIT_LATER_MS);
                await run("COMMIT");
              } catch (error) {
                await run("ROLLBACK").catch(() => {});
                throw error;
              }
            })
            .catch(reject);
        });
      },
    })),
};
