import { createReadStream, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";

/** No two flushes waited for each other: Postgres had no deadlock to break. By its own log, which outlives its crashes. */
export async function checkLive(postgresLogs: readonly string[]): Promise<Violation[]> {
  const findings = new Findings("Live");
  const files = postgresLogs
    .filter((directory) => existsSync(directory))
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)));
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      if (line.includes("deadlock detected")) findings.add(`Postgres broke a deadlock: ${line}`);
    }
  }
  return findings.violations;
}
