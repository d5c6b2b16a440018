import type { Run, Statement } from "../../../src/store/database.js";
import { alterConnections } from "../alter-connections.js";
import type { Bug } from "./bug.js";

/** Tells by what is read whether it may be on the primary alone. */
const TIMELINE = /CASE WHEN current_setting\('synchronous_standby_names'\).*?\bEND\b/gs;

/** What is found stored is answered as stored, whether the synchronous standby has it or not. */
export const ackWithoutStandby: Bug = {
  name: "ack-without-standby",
  breaks: "Durable",
  faults: ["sync-stall"],
  roles: ["record", "append-batches"],
  database: (database) => {
    const careless =
      (run: Run): Run =>
      (statement) =>
        run(typeof statement === "string" ? statement : withoutTimeline(statement));
    return alterConnections(database, (connections) => ({
      read: (tenantId, read, bounds) => connections.read(tenantId, (run) => read(careless(run)), bounds),
      run: (statement) => connections.run(withoutTimeline(statement)),
      withConnection: (use) => connections.withConnection((run) => use(careless(run))),
    }));
  },
};

function withoutTimeline(statement: Statement): Statement {
  const text = statement.text.replaceAll(TIMELINE, "''");
  return text === statement.text ? statement : { ...statement, text };
}
