import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Config } from "../config.js";
import { attachEmbeddedPostgres } from "../postgres/attach-embedded-postgres.js";
import { layoutOf } from "../postgres/layout.js";
import { startEmbeddedPostgres } from "../postgres/start-embedded-postgres.js";
import { CommandError } from "./command-error.js";
import { createLogger } from "./create-logger.js";
import { receiveStopSignals } from "./stop-signals.js";

/**
 * Does something with the database of the settings: DATABASE_URL, or the
 * embedded Postgres of the data directory, the one a server runs there or else
 * one started for the duration.
 *
 * @param use is raced by an interruption; what would go on after one listens to the signal.
 * @param mayCreate whether a data directory that holds nothing is made.
 * @throws CommandError when interrupted, or when there is no data and none may be made.
 */
export async function withDatabase<T>(
  config: Config,
  mayCreate: boolean,
  use: (url: string, interrupted: AbortSignal) => Promise<T>,
): Promise<T> {
  const signals = receiveStopSignals();
  try {
    const interrupted = once(signals.first, "abort").then(() => {
      throw new CommandError("Interrupted.");
    });
    interrupted.catch(() => {});
    const working = provide(config, mayCreate, signals.first, (url) =>
      Promise.race([use(url, signals.first), interrupted]),
    );
    return await working;
  } finally {
    signals.close();
  }
}

async function provide<T>(
  { databaseUrl, dataDirectory, logLevel }: Config,
  mayCreate: boolean,
  signal: AbortSignal,
  use: (url: string) => Promise<T>,
): Promise<T> {
  if (databaseUrl !== "") return use(databaseUrl);
  const layout = layoutOf(dataDirectory);
  if (!mayCreate && !existsSync(layout.data)) {
    throw new CommandError(
      `There is no data in ${layout.directory}. Set DATABASE_URL, or name the directory with --data.`,
    );
  }
  const running = attachEmbeddedPostgres({ directory: dataDirectory });
  if (running !== undefined) return use(running);
  const logger = createLogger(logLevel);
  const embedded = await startEmbeddedPostgres({ directory: dataDirectory, logger, signal }).catch(
    (error: unknown) => {
      throw signal.aborted ? new CommandError("Interrupted.") : error;
    },
  );
  try {
    return await use(embedded.url);
  } finally {
    await embedded.close();
  }
}
