import type { Logger } from "pino";
import { memory } from "../entities/memory.js";
import type { EntryLimits } from "../service/limits.js";
import { memoryRules } from "../service/memories/memory-rules.js";
import { createEntryPreparer } from "../service/prepare-entry.js";
import { rules } from "../service/rules.js";
import { type WriterSettings, withAppender } from "../service/with-appender.js";
import type { ImportContext } from "./import-context.js";

/** One flush writes, one batch is noted, one connection keeps other importers out, two read. */
const CONNECTIONS = 5;

export type ImporterSettings = WriterSettings & EntryLimits & { readonly workingMemoryCapacity: number };

/** Who imports, into whose log. */
export type ImporterIdentity = Pick<ImportContext, "tenantId" | "actor">;

/** Imports into the migrated database at a URL, through the same validation and log as a server. */
export function withImporter<T>(
  url: string,
  settings: ImporterSettings,
  identity: ImporterIdentity,
  logger: Logger,
  use: (context: ImportContext) => Promise<T>,
): Promise<T> {
  const options = {
    maxConnections: CONNECTIONS,
    rules: new Map([...rules, [memory, memoryRules(settings.workingMemoryCapacity)]]),
    logger,
  };
  return withAppender(url, settings, options, (appender, database, codecs) =>
    use({ database, codecs, appender, preparer: createEntryPreparer(codecs, settings), ...identity }),
  );
}
