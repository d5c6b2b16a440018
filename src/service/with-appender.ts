import pino from "pino";
import { createCodecs } from "../entities/codecs.js";
import { entities } from "../entities/registry.js";
import { session } from "../entities/session.js";
import { Appender, type AppenderSettings } from "../service/appender.js";
import type { EntryLimits } from "../service/limits.js";
import { type DatabaseSettings, openDatabase } from "../store/database.js";

export type ArchiveSettings = Omit<DatabaseSettings, "url" | "maxConnections"> &
  AppenderSettings &
  EntryLimits;

/**
 * Writes to logs without a server, through what a server writes through. No
 * entity's rules apply: what follows from a change is in the log it comes from
 * and must not be made a second time.
 */
export async function withAppender<T>(
  url: string,
  settings: ArchiveSettings,
  use: (appender: Appender) => Promise<T>,
): Promise<T> {
  const logger = pino({ level: "silent" });
  const { connectTimeoutMs, statementTimeoutMs, preparedStatements } = settings;
  const database = openDatabase(
    { url, maxConnections: 2, connectTimeoutMs, statementTimeoutMs, preparedStatements },
    logger,
  );
  try {
    const sessionCodec = createCodecs(entities).of(session);
    const context = { database, sessionCodec, rules: new Map(), logger, onCommit: () => {} };
    return await use(new Appender(context, settings));
  } finally {
    await database.close();
  }
}
