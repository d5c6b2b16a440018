import type { Database, Run, Statement } from "../../src/store/database.js";
import { errorFromDatabase } from "../../src/store/sqlstate.js";
import { alterConnections } from "./alter-connections.js";
import type { Failpoints } from "./failpoints.js";

/** Whether it is the statement of a flush that takes positions. */
export function isAppend(statement: Statement | string): boolean {
  return typeof statement !== "string" && statement.text.includes("begin_append(");
}

/** A database with failpoints around each commit of a flush. */
export function failingDatabase(database: Database, failpoints: Failpoints): Database {
  const afterCommit = async () => {
    await failpoints.hit("after-commit");
    // It ran, and the caller hears what it would of a network that swallowed the answer.
    if (failpoints.takes("execute-then-timeout")) throw errorFromDatabase(new Error("Query read timeout"));
  };

  const around =
    (run: Run): Run =>
    async (statement) => {
      if (statement !== "COMMIT") return run(statement);
      await failpoints.hit("before-commit");
      const rows = await run(statement);
      await afterCommit();
      return rows as never;
    };

  return alterConnections(database, (connections) => {
    // On one connection, what is sent while a transaction of several steps is open would become part of it.
    let free: Promise<unknown> = Promise.resolve();
    return {
      withConnection: (use) => connections.withConnection((run) => use(around(run))),
      async run(statement) {
        await free;
        if (!isAppend(statement)) return connections.run(statement);
        // A statement by itself commits with its answer: to come in between, the transaction is made explicit.
        const running = failpoints.isArmed("before-commit")
          ? connections.withConnection((run) => appendInSteps(run, statement, failpoints))
          : undefined;
        free = Promise.allSettled([running]);
        const rows = await (running ?? connections.run(statement));
        await afterCommit();
        return rows as never;
      },
    };
  });
}

async function appendInSteps(run: Run, statement: Statement, failpoints: Failpoints) {
  await run("BEGIN");
  try {
    const rows = await run(statement);
    await failpoints.hit("before-commit");
    await run("COMMIT");
    return rows;
  } catch (error) {
    await run("ROLLBACK").catch(() => {});
    throw error;
  }
}
