/** How soon it is noticed that the parent is gone. Asking for the parent's id takes less than a microsecond. */
const POLL_MS = 250;

/**
 * Sends this process SIGHUP once its parent is gone, unless it was asked to stop before. npm passes SIGINT and
 * SIGTERM on to the program it runs, but not SIGHUP, by which it ends, and no program can pass on SIGKILL.
 *
 * @param {number} parent the process that started this one, as the shell of npm knew it
 * @param {() => boolean} isStopping whether a signal to stop was received
 */
export function stopWithParent(parent, isStopping) {
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    if (!isStopping()) process.kill(process.pid, "SIGHUP");
  }, POLL_MS);
  // It keeps no program from ending.
  timer.unref();
}
