import { constants } from "node:os";
import type { Vitest } from "vitest/node";

/** The signals by which a terminal, a supervisor or npm asks a program to stop. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Makes a signal to stop cancel the run: the tests that are running end, with their hooks, all others are skipped, and
 * global set-up is torn down. A second signal kills the workers first, a third ends the process at once.
 *
 * @returns to be called when global set-up is torn down; after a signal it sets the exit code that says so, 128 and
 * the number of the signal
 */
export function cancelOnSignals(vitest: Vitest): () => void {
  let exitCode: number | undefined;
  let received = 0;
  const onSignal = (signal: (typeof STOP_SIGNALS)[number]) => {
    received += 1;
    exitCode ??= 128 + constants.signals[signal];
    if (received > 2) process.exit(exitCode);
    console.error(`${signal}: waiting for the tests that are running. Send it again to kill them.`);
    // Called a second time it does not wait for the workers.
    void vitest.cancelCurrentRun("keyboard-input");
  };
  for (const signal of STOP_SIGNALS) {
    // That of Vitest ends the process a millisecond later, and nothing is torn down.
    process.removeAllListeners(signal);
    process.on(signal, onSignal);
  }
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
    // Vitest has set it to 1: not all tests passed.
    if (exitCode !== undefined) process.exitCode = exitCode;
  };
}
