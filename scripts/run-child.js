import { spawn } from "node:child_process";
import { constants } from "node:os";

/** @type {readonly NodeJS.Signals[]} */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a program to its end, its output on standard error. A signal to stop ends that program first, then this
 * process: nothing goes on behind the back of whoever sent it.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} directory where it runs
 * @returns {Promise<number | null>} its exit code; null where a signal of somebody else ended it
 */
export async function runChild(program, args, directory) {
  const child = spawn(program, args, { cwd: directory, stdio: ["ignore", 2, 2] });
  /** @type {NodeJS.Signals | undefined} */
  let received;
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    received ??= signal;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject).once("exit", resolve);
    });
    if (received !== undefined) process.exit(128 + constants.signals[received]);
    return code;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}
