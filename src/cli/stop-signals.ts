import { constants } from "node:os";

/** The signals by which a supervisor, Ctrl-C or a terminal that is closed asks a process to stop. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

export interface StopSignals {
  /** Aborts at the first one. */
  readonly first: AbortSignal;
  /** Lets the signals do again what they do by default. */
  close(): void;
}

/**
 * Listens for SIGTERM, SIGINT and SIGHUP. At the second `onSecond` is called; the third
 * ends the process on the spot.
 */
export function receiveStopSignals(onSecond: () => void = () => {}): StopSignals {
  const first = new AbortController();
  let received = 0;
  const onSignal = (name: (typeof STOP_SIGNALS)[number]) => {
    received += 1;
    if (received === 1) first.abort();
    else if (received === 2) onSecond();
    else process.exit(128 + constants.signals[name]);
  };
  for (const name of STOP_SIGNALS) process.on(name, onSignal);
  return {
    first: first.signal,
    close() {
      for (const name of STOP_SIGNALS) process.off(name, onSignal);
    },
  };
}
