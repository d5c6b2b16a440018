import type { Connections, Database, Lane } from "../../src/store/database.js";
import { wrap } from "./wrap.js";

/** A database like the given one but for how statements run, whichever connection they run on. */
export function alterConnections(
  database: Database,
  alter: (connections: Connections) => Partial<Connections>,
): Database {
  return wrap<Database>(database, {
    ...alter(database),
    lane() {
      const lane = database.lane();
      return wrap<Lane>(lane, alter(lane));
    },
  });
}
