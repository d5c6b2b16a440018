import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Database } from "../../src/store/database.js";
import type { ServerMeasure } from "./server-message.js";

const MIB = 2 ** 20;
/** Connections asked at once: taking more of them from those who write would change what is measured. */
const ASKED_AT_ONCE = 3;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What this process holds. */
export async function measure(database: Database | undefined): Promise<ServerMeasure> {
  const statements = await preparedStatements(database);
  // Twice: what waits to be finalised after the first is gone with the second.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { heapMiB: heapUsed / MIB, externalMiB: external / MIB, resources, statements };
}

async function preparedStatements(database: Database | undefined): Promise<number> {
  const counted = await Promise.all(
    Array.from({ length: ASKED_AT_ONCE }, () =>
      database?.withConnection((run) => run<[string]>("SELECT count(*) FROM pg_prepared_statements")),
    ),
  );
  return Math.max(...counted.map((rows) => Number(rows?.[0]?.[0] ?? 0)));
}
