import type { Logger } from "pino";
import type { Config } from "../config.js";
import { createCodecs } from "../entities/codecs.js";
import { memory } from "../entities/memory.js";
import { entities } from "../entities/registry.js";
import { session } from "../entities/session.js";
import type { ImportContext } from "../legacy/import-context.js";
import { Appender } from "../service/appender.js";
import { memoryRules } from "../service/memories/memory-rules.js";
import { createEntryPreparer } from "../service/prepare-entry.js";
import { rules } from "../service/rules.js";
import { openDatabase } from "../store/database.js";
import { createHintSender } from "../store/hints.js";
import { migrateUp } from "../store/migrate.js";

/** One flush writes, one batch is noted, one connection keeps other importers out, two read. */
const CONNECTIONS = 5;

/** Imports into the database at a URL, through the same validation and log as a server; servers that run on it hear of it. */
export async function withImporter<T>(
  config: Config,
  url: string,
  tenantId: string,
  logger: Logger,
  use: (context: ImportContext) => Promise<T>,
): Promise<T> {
  await migrateUp({ url });
  const { connectTimeoutMs, statementTimeoutMs, preparedStatements } = config;
  const settings = {
    url,
    maxConnections: CONNECTIONS,
    connectTimeoutMs,
    statementTimeoutMs,
    preparedStatements,
  };
  const database = openDatabase(settings, logger);
  const hints = createHintSender(database, config.hintIntervalMs, logger);
  const codecs = createCodecs(entities);
  const appender = new Appender(
    {
      database,
      sessionCodec: codecs.of(session),
      rules: new Map([...rules, [memory, memoryRules(config.workingMemoryCapacity)]]),
      logger,
      onCommit: (tenant, { position }) => hints.send(tenant, position),
    },
    config,
  );
  try {
    const preparer = createEntryPreparer(codecs, config);
    return await use({
      database,
      codecs,
      appender,
      preparer,
      tenantId,
      maxDatabaseBytes: config.importDatabaseBytes,
      actor: "holdfast import",
    });
  } finally {
    await appender.idle();
    hints.close();
    await database.close();
  }
}
