import { openSync } from "node:fs";
import type { Database } from "../../src/store/database.js";
import { alterConnections } from "./alter-connections.js";
import type { Alteration } from "./bugs/bug.js";

/** As much as shows in a minute; what loses less shows in a longer run. */
const OBJECTS = 5000;
const BUFFER_BYTES = 200_000;

/** A server that loses a little of everything with each read, for the soak to show that it finds that. */
export const leaky: Alteration = {
  name: "leaky",
  database(database) {
    const kept: unknown[] = [];
    return onEachRead(database, () => {
      kept.push(Array.from({ length: OBJECTS }, () => ({ listener: () => kept.length })));
      kept.push(Buffer.alloc(BUFFER_BYTES));
      setInterval(() => kept.length, 60_000);
      openSync("/dev/null", "r");
    });
  },
};

function onEachRead(database: Database, lose: () => void): Database {
  return alterConnections(database, (connections) => ({
    read: (tenantId, read, bounds) => {
      lose();
      return connections.read(tenantId, read, bounds);
    },
  }));
}
