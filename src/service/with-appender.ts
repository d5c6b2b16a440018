import pino, { type Logger } from "pino";
import { type Codecs, createCodecs } from "../entities/codecs.js";
import { entities } from "../entities/registry.js";
import { session } from "../entities/session.js";
import { type Database, type DatabaseSettings, openDatabase } from "../store/database.js";
import { createHintSender } from "../store/hints.js";
import { Primary } from "../store/primary.js";
import { Appender, type AppenderSettings } from "./appender.js";
import { DurableLog } from "./durable-log.js";
import type { RulesByEntity } from "./entity-rules.js";

export type WriterSettings = Omit<DatabaseSettings, "url" | "maxConnections"> &
  AppenderSettings & {
    /** Servers on the database hear of commits at most this often, in ms. */
    readonly hintIntervalMs: number;
  };

export interface AppenderOptions {
  readonly maxConnections: number;
  /** What is special to entities when they are written. */
  readonly rules: RulesByEntity;
  readonly logger?: Logger;
}

/** Writes to logs without a server, through what a server writes through; servers that run on the database hear of it. */
export async function withAppender<T>(
  url: string,
  settings: WriterSettings,
  { maxConnections, rules, logger = pino({ level: "silent" }) }: AppenderOptions,
  use: (appender: Appender, database: Database, codecs: Codecs) => Promise<T>,
): Promise<T> {
  const { connectTimeoutMs, statementTimeoutMs, preparedStatements, hintIntervalMs } = settings;
  const primary = new Primary(url);
  const database = openDatabase(
    { url: primary, maxConnections, connectTimeoutMs, statementTimeoutMs, preparedStatements },
    logger,
  );
  const durable = DurableLog.open(primary, settings);
  const codecs = createCodecs(entities);
  const hints = createHintSender(database, hintIntervalMs, logger);
  const appender = new Appender(
    {
      database,
      sessionCodec: codecs.of(session),
      rules,
      durable,
      logger,
      onCommit: (tenant, { mark }) => hints.send(tenant, mark.position),
    },
    settings,
  );
  try {
    return await use(appender, database, codecs);
  } finally {
    await appender.close();
    durable.close();
    hints.close();
    await database.close();
  }
}
