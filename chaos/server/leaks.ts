import { openSync } from "node:fs";
import type { Database } from "../../src/store/database.js";
import { alterConnections } from "./alter-connections.js";
import type { Alteration } from "./bugs/bug.js";

/** Ways to lose a little with each read, put into a server under test so that the soak can show that it finds them. */
export const LEAKS: readonly Alteration[] = [
  { name: "kept-objects", database: keepingObjects },
  { name: "kept-buffers", database: keepingBuffers },
  { name: "kept-timers", database: onEachRead(() => void setInterval(() => {}, 60_000)) },
  { name: "kept-files", database: onEachRead(() => void openSync("/dev/null", "r")) },
];

/** Of objects, the least that a forgotten listener with its closure takes. */
function keepingObjects(database: Database): Database {
  const kept: object[] = [];
  return onEachRead(() => void kept.push({ listener: () => kept.length }))(database);
}

function keepingBuffers(database: Database): Database {
  const kept: Buffer[] = [];
  return onEachRead(() => void kept.push(Buffer.alloc(1024)))(database);
}

function onEachRead(lose: () => void): (database: Database) => Database {
  return (database) =>
    alterConnections(database, (connections) => ({
      read: (tenantId, read, bounds) => {
        lose();
        return connections.read(tenantId, read, bounds);
      },
    }));
}
