import type { Logger } from "pino";
import { Registry } from "prom-client";
import type { Config } from "../config.js";
import type { ImportContext } from "../legacy/import-context.js";
import { createEntryPreparer } from "../service/prepare-entry.js";
import { createRules } from "../service/rules.js";
import { withAppender } from "../service/with-appender.js";
import { migrateUp } from "../store/migrate.js";
import { WorkerPool } from "../workers/worker-pool.js";

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
  const workers = new WorkerPool(config, new Registry());
  const options = { maxConnections: CONNECTIONS, rules: createRules(config, workers), logger };
  try {
    return await withAppender(url, config, options, (appender, database, codecs) =>
      use({
        database,
        codecs,
        appender,
        preparer: createEntryPreparer(codecs, config),
        tenantId,
        actor: "holdfast import",
      }),
    );
  } finally {
    await workers.close();
  }
}
