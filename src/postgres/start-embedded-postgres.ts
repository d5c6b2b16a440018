import type { Logger } from "pino";
import { prepareCluster } from "./cluster.js";
import { lockDirectory } from "./directory-lock.js";
import { initialise } from "./initialise.js";
import { layoutOf } from "./layout.js";
import type { PostgresSettings } from "./settings.js";
import { Supervisor } from "./supervisor.js";

/** A Postgres of our own, running. */
export interface EmbeddedPostgres {
  /** For pg and libpq; a Unix socket only this account (and root) can reach. Stays the same across restarts. */
  readonly url: string;
  /** Of Postgres, for example "18.4". */
  readonly version: string;
  /** Shuts Postgres down, rolling back what is open, and lets go of the directory. May be called twice. */
  close(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Made when missing; everything Postgres writes stays inside, except its socket when the path is too long. */
  readonly directory: string;
  readonly logger: Logger;
  /** Over the defaults in settings.ts. */
  readonly settings?: PostgresSettings;
  /** Ends the start, not what has been started. */
  readonly signal?: AbortSignal;
}

/**
 * Finds or starts the Postgres of a directory and keeps it running until
 * closed: a postmaster that dies is started again, one that outlived a killed
 * Holdfast is taken over as it is. The caller becomes its only owner; other
 * processes may connect meanwhile, see attach-embedded-postgres.ts.
 *
 * @throws EmbeddedPostgresError saying what to do; the signal's reason when aborted.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger, signal, settings = {} } = options;
  signal?.throwIfAborted();
  const layout = layoutOf(options.directory);
  const cluster = prepareCluster(layout);
  const lock = lockDirectory(layout);
  try {
    if (await initialise(cluster, signal))
      logger.info({ directory: layout.directory }, "made a new database");
    const supervisor = new Supervisor({ cluster, logger, settings });
    await supervisor.start(signal);
    const close = async () => {
      await supervisor.close().finally(() => lock.close());
    };
    return Object.freeze({ url: supervisor.url, version: supervisor.version, close });
  } catch (error) {
    lock.close();
    throw error;
  }
}
