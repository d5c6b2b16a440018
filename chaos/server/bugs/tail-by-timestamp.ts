import type { Run, Statement } from "../../../src/store/database.js";
import { alterConnections } from "../alter-connections.js";
import type { Bug } from "./bug.js";

const PAGE = 20;

/** What follows is what is later by its time: of several with one time, those beyond the end of a page are passed over. */
export const tailByTimestamp: Bug = {
  name: "tail-by-timestamp",
  breaks: "Gapless",
  faults: ["client-reset"],
  roles: ["record", "follow", "follow-and-resume"],
  settings: { HOLDFAST_MAX_RECENT_CHANGES: "16", HOLDFAST_MAX_PAGE_CHANGES: String(PAGE) },
  database: (database) => {
    const tail =
      (run: Run): Run =>
      (statement) =>
        run(typeof statement === "string" ? statement : byTime(statement));
    return alterConnections(database, (connections) => ({
      read: (tenantId, read, bounds) => connections.read(tenantId, (run) => read(tail(run)), bounds),
    }));
  },
};

const BY_POSITION = "t.position > $2::bigint";
const BY_TIME = `t.create_time > coalesce((
  SELECT c.commit_time FROM holdfast.commits c
  WHERE c.tenant_id = $1::uuid AND c.position >= $2::bigint AND c.first_position <= $2::bigint
  ORDER BY c.position LIMIT 1
), '-infinity')`;

function byTime(statement: Statement): Statement {
  // Pages for subscribers alone: a server that reads what another wrote would go round in circles.
  if (!statement.name?.startsWith("page ") || statement.values?.[3] !== PAGE) return statement;
  return {
    ...statement,
    name: `${statement.name} by time`,
    text: statement.text.replaceAll(BY_POSITION, BY_TIME),
  };
}
