import { constants } from "node:os";

/** The signals by which a terminal, a supervisor or a container asks a process to stop. */
export type StopSignal = "SIGTERM" | "SIGINT";

export interface StopSignals {
  /** Aborts at the first one. */
  readonly first: AbortSignal;
  /** Lets the signals do again what they do by default. */
  close(): void;
}

/**
 * Listens for SIGTERM and SIGINT. At the second `onSecond` is called; the third
 * ends the process on the spot.
 */
export function receiveStopSignals(onSecond: () => void = () => {}): StopSignals {
  const first = new AbortController();
  let received = 0;
  const onSignal = (name: StopSignal) => {
    received += 1;
    if (received === 1) first.abort();
    else if (received === 2) onSecond();
    else process.exit(128 + constants.signals[name]);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return {
    first: first.signal,
    close: () => void process.off("SIGTERM", onSignal).off("SIGINT", onSignal),
  };
}
