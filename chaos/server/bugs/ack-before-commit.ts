import { setTimeout as delay } from "node:timers/promises";
import { isAppend } from "../failing-database.js";
import type { Bug } from "./bug.js";

const COMMIT_LATER_MS = 250;

/** The answer goes out when the statement has run; the commit follows. */
export const ackBeforeCommit: Bug = {
  name: "ack-before-commit",
  breaks: "Durable",
  faults: ["kill-server", "terminate-backends"],
  roles: ["record", "append-batches"],
  database: (database) => ({
    ...database,
    run(statement) {
      if (!isAppend(statement)) return database.run(statement);
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
  }),
};
