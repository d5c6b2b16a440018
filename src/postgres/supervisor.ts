import { existsSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { adoptPostmaster } from "./adopt-postmaster.js";
import type { Cluster } from "./cluster.js";
import { connectionUrl } from "./connection-url.js";
import { type LaunchOptions, launchPostmaster } from "./launch-postmaster.js";
import { type Postmaster, stopPostmaster, untilGone } from "./postmaster.js";
import { connectionSettings, DEFAULT_SETTINGS, type PostgresSettings, settingArguments } from "./settings.js";
import { isTemporarySocketDirectory, provideSocketDirectory } from "./socket-directory.js";

/** Between attempts to bring back a postmaster that dies at once, as on a full disk. */
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 10_000;

export interface SupervisorOptions {
  readonly cluster: Cluster;
  readonly logger: Logger;
  readonly settings: PostgresSettings;
}

/** Keeps one postmaster running on an initialised cluster until closed. */
export class Supervisor {
  readonly url: string;
  readonly version: string;
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #socketDirectory: string;
  readonly #settings: readonly string[];
  readonly #closing = new AbortController();
  #postmaster: Postmaster | undefined;
  #watch: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor({ cluster, logger, settings }: SupervisorOptions) {
    this.#cluster = cluster;
    this.#logger = logger;
    this.#socketDirectory = provideSocketDirectory(cluster.layout, cluster.account);
    const connection = connectionSettings(this.#socketDirectory, cluster.binaries.build);
    this.#settings = settingArguments(DEFAULT_SETTINGS, settings, connection);
    this.url = connectionUrl(this.#socketDirectory);
    this.version = cluster.binaries.version;
  }

  /** Takes over the postmaster that runs, or starts one, and watches it from then on. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    const launch = this.#launchOptions(signal);
    this.#postmaster = (await adoptPostmaster(launch)) ?? (await launchPostmaster(launch));
    this.#watch = this.#keepRunning(this.#postmaster);
  }

  /** Shuts Postgres down; the same promise every time. */
  close(): Promise<void> {
    this.#closed ??= this.#stop();
    return this.#closed;
  }

  async #stop(): Promise<void> {
    this.#closing.abort();
    await this.#watch;
    if (this.#postmaster) await stopPostmaster(this.#postmaster);
    if (isTemporarySocketDirectory(this.#socketDirectory, this.#cluster.layout)) {
      rmSync(this.#socketDirectory, { recursive: true, force: true });
    }
  }

  async #keepRunning(first: Postmaster): Promise<void> {
    const { signal } = this.#closing;
    let postmaster: Postmaster | undefined = first;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        if (postmaster) {
          await untilGone(postmaster, signal);
          this.#logger.error({ pid: postmaster.pid }, "Postgres ended unexpectedly, starting it again");
          this.#postmaster = postmaster = undefined;
        }
        this.#postmaster = postmaster = await launchPostmaster(this.#launchOptions(signal));
        this.#logger.info({ pid: postmaster.pid }, "Postgres runs again");
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.error({ err: error, retryMs }, "Postgres does not start again, retrying");
        await delay(retryMs, undefined, { signal, ref: false }).catch(() => {});
        retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
      }
    }
  }

  #launchOptions(signal: AbortSignal | undefined): LaunchOptions {
    // A sweep of the temporary directory may have taken it while Postgres was down.
    if (!existsSync(this.#socketDirectory))
      provideSocketDirectory(this.#cluster.layout, this.#cluster.account);
    return {
      cluster: this.#cluster,
      socketDirectory: this.#socketDirectory,
      settings: this.#settings,
      logger: this.#logger,
      signal,
    };
  }
}
