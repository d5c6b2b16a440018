import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type LaunchOptions, postmasterCommand } from "./launch-postmaster.js";
import { isAlive, type Postmaster, stopPostmaster } from "./postmaster.js";
import { findPostmaster } from "./postmaster-file.js";
import { findProcess } from "./process-status.js";

const READY_POLL_MS = 20;

/**
 * The postmaster that an earlier owner left running, once it accepts
 * connections; undefined when there is none. One started by another build or
 * with other settings, or whose socket is gone, is stopped instead.
 */
export async function adoptPostmaster(options: LaunchOptions): Promise<Postmaster | undefined> {
  const { cluster, logger, signal } = options;
  let running = findPostmaster(cluster.layout);
  while (running && running.status !== "ready") {
    signal?.throwIfAborted();
    await delay(READY_POLL_MS);
    running = findPostmaster(cluster.layout);
  }
  if (running === undefined) return undefined;
  const { pid, socketDirectory, port } = running;
  const postmaster: Postmaster = { pid, socketDirectory };
  const isAsWanted = findProcess(pid)?.command === postmasterCommand(options).join(" ");
  if (isAsWanted && (await answers(join(socketDirectory, `.s.PGSQL.${port}`)))) {
    logger.info({ pid }, "took over the Postgres that was still running");
    return postmaster;
  }
  if (isAlive(pid)) {
    logger.info({ pid }, "restarting the Postgres that was still running: it was started in another way");
  }
  await stopPostmaster(postmaster);
  return undefined;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
      .once("connect", () => resolve(true))
      .once("error", () => resolve(false))
      .once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
