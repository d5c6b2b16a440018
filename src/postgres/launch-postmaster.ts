import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fchownSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { programPath } from "./binaries.js";
import { type Cluster, dataArgument, programOptions } from "./cluster.js";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import type { Layout } from "./layout.js";
import { type Postmaster, stopPostmaster } from "./postmaster.js";
import { disownPostmasterFile, findPostmaster } from "./postmaster-file.js";
import { SOCKET_PORT } from "./settings.js";

const READY_POLL_MS = 10;
/** Recovery after a crash can take minutes; say so this often. */
const STILL_STARTING_MS = 10_000;
/** Backends outlive a killed postmaster until they next look; new ones must wait for them. */
const ORPHANS_TIMEOUT_MS = 30_000;
const ORPHANS_POLL_MS = 100;

export interface LaunchOptions {
  readonly cluster: Cluster;
  readonly socketDirectory: string;
  /** `-c` arguments. */
  readonly settings: readonly string[];
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
}

/**
 * Starts a postmaster where none runs and waits until it accepts connections.
 * It is the leader of a session of its own: neither Ctrl-C nor our death reach it.
 *
 * @throws EmbeddedPostgresError FAILED with what Postgres said, or NO_BINARIES
 */
export async function launchPostmaster(options: LaunchOptions): Promise<Postmaster> {
  const giveUpAt = performance.now() + ORPHANS_TIMEOUT_MS;
  while (true) {
    const child = await spawnPostmaster(options);
    const pid = child.pid ?? 0;
    const postmaster: Postmaster = { pid, socketDirectory: options.socketDirectory };
    try {
      if (await isReady(child, options)) return postmaster;
    } catch (error) {
      await stopPostmaster(postmaster);
      throw error;
    }
    const output = lastWords(options.cluster.layout);
    const waitsForOrphans = /pre-existing shared memory block/.test(output);
    if (!waitsForOrphans || performance.now() > giveUpAt) {
      throw new EmbeddedPostgresError("FAILED", `Postgres did not start. ${output}`);
    }
    await delay(ORPHANS_POLL_MS, undefined, options.signal && { signal: options.signal });
  }
}

/** The program and its arguments, to be started in the data directory. */
export function postmasterCommand({ cluster, settings }: LaunchOptions): [string, ...string[]] {
  const program = programPath(cluster.binaries, "postgres");
  return [program, "-D", dataArgument(cluster, cluster.layout.data), ...settings];
}

async function spawnPostmaster(options: LaunchOptions): Promise<ChildProcess> {
  const { cluster, socketDirectory } = options;
  const { layout } = cluster;
  disownPostmasterFile(layout);
  const socket = join(socketDirectory, `.s.PGSQL.${SOCKET_PORT}`);
  for (const leftOver of [socket, `${socket}.lock`]) rmSync(leftOver, { force: true });
  const [program, ...args] = postmasterCommand(options);
  const log = openSync(layout.startupLog, "w");
  try {
    if (cluster.account) fchownSync(log, cluster.account.uid, cluster.account.gid);
    const child = spawn(program, args, {
      ...programOptions(cluster, layout.data),
      detached: true,
      stdio: ["ignore", log, log],
    });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    return child;
  } catch (error) {
    throw new EmbeddedPostgresError(
      "NO_BINARIES",
      `${program} does not run on this system (${String(error)}). Set DATABASE_URL to use a Postgres of your own.`,
      error,
    );
  } finally {
    closeSync(log);
  }
}

/** True once it accepts connections, false when it has ended instead. */
async function isReady(child: ChildProcess, { cluster, logger, signal }: LaunchOptions): Promise<boolean> {
  let sayAgainAt = performance.now() + STILL_STARTING_MS;
  while (child.exitCode === null && child.signalCode === null) {
    signal?.throwIfAborted();
    const running = findPostmaster(cluster.layout);
    if (running?.pid === child.pid && running?.status === "ready") return true;
    if (performance.now() > sayAgainAt) {
      logger.info({ pid: child.pid }, "Postgres is still starting; after a crash it replays its log first");
      sayAgainAt += STILL_STARTING_MS;
    }
    await delay(READY_POLL_MS);
  }
  return false;
}

/** What Postgres last wrote, before and after it opened its own log. */
function lastWords(layout: Layout): string {
  const startup = readFileSync(layout.startupLog, "utf8").trim();
  if (!startup.includes("logging collector")) return startup;
  const newest = readdirSync(layout.logs)
    .map((name) => join(layout.logs, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  const tail = newest ? readFileSync(newest, "utf8").trim().split("\n").slice(-10).join("\n") : "";
  return `Its log (${layout.logs}) ends with:\n${tail}`;
}
