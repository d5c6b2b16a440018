import type { Logger } from "pino";
import type { Config } from "../config.js";
import { memory } from "../entities/memory.js";
import type { ImportContext } from "../legacy/import-context.js";
import { memoryRules } from "../service/memories/memory-rules.js";
import { createEntryPreparer } from "../service/prepare-entry.js";
import { rules } from "../service/rules.js";
import { withAppender } from "../service/with-appender.js";
import { migrateUp } from "../store/migrate.js";

/** One flush writes, one batch is noted, one connection keeps other importers out, two read. */
const CONNECTIONS = 5;

/** Imports into the database at a URL, through the same validation and log as a server. */
export async function withImporter<T>(
  config: Config,
  url: string,
  tenantId: string,
  logger: Logger,
  use: (context: ImportContext) => Promise<T>,
): Promise<T> {
  await migrateUp({ url });
  const options = {
    maxConnections: CONNECTIONS,
    rules: new Map([...rules, [memory, memoryRules(config.workingMemoryCapacity)]]),
    logger,
  };
  return withAppender(url, config, options, (appender, database, codecs) =>
    use({
      database,
      codecs,
      appender,
      preparer: createEntryPreparer(codecs, config),
      tenantId,
      actor: "holdfast import",
    }),
  );
}
