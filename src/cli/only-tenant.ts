import pino from "pino";
import type { Config } from "../config.js";
import { openDatabase } from "../store/database.js";
import { readTenantIds } from "../store/log-positions.js";
import { CommandError } from "./command-error.js";

/**
 * The tenant that is meant when none is named.
 *
 * @throws CommandError unless there is exactly one
 */
export async function onlyTenant(config: Config, url: string): Promise<string> {
  const database = openDatabase({ ...config, url, maxConnections: 1 }, pino({ level: "silent" }));
  try {
    const [first, ...others] = await readTenantIds(database);
    if (first === undefined) throw new CommandError("Nothing has been recorded yet.");
    if (others.length === 0) return first;
    throw new CommandError(`There are ${others.length + 1} tenants: name one with --tenant`, 2);
  } finally {
    await database.close();
  }
}
