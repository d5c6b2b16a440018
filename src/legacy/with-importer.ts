import type { Logger } from "pino";
import { Registry } from "prom-client";
import type { EntryLimits } from "../service/limits.js";
import { createEntryPreparer } from "../service/prepare-entry.js";
import { createRules, type RulesSettings } from "../service/rules.js";
import { type WriterSettings, withAppender } from "../service/with-appender.js";
import { WorkerPool, type WorkerPoolSettings } from "../workers/worker-pool.js";
import type { ImportContext } from "./import-context.js";

/** One flush writes, one batch is noted, one connection keeps other importers out, two read. */
const CONNECTIONS = 5;

export type ImporterSettings = WriterSettings & EntryLimits & RulesSettings & WorkerPoolSettings;

/** Who imports, into whose log. */
export type ImporterIdentity = Pick<ImportContext, "tenantId" | "actor">;

/** Imports into the migrated database at a URL, through the same validation and log as a server. */
export async function withImporter<T>(
  url: string,
  settings: ImporterSettings,
  identity: ImporterIdentity,
  logger: Logger,
  use: (context: ImportContext) => Promise<T>,
): Promise<T> {
  const workers = new WorkerPool(settings, new Registry());
  const options = { maxConnections: CONNECTIONS, rules: createRules(settings, workers), logger };
  try {
    return await withAppender(url, settings, options, (appender, database, codecs) =>
      use({ database, codecs, appender, preparer: createEntryPreparer(codecs, settings), ...identity }),
    );
  } finally {
    await workers.close();
  }
}
