import pino, { type Logger } from "pino";

const STDERR = 2;

/** A logger of this level to standard error. That a terminal is closed, or a reader gone, ends nothing. */
export function createLogger(level: string): Logger {
  const destination = pino.destination(STDERR);
  // Unheard it would be an uncaught exception: a server would end without stopping its Postgres.
  destination.on("error", () => {});
  return pino({ level }, destination);
}
