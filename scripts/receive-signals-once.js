/** Copies of one signal come within a few milliseconds; nobody presses Ctrl-C twice that fast. */
const COPY_WITHIN_MS = 150;
/** The signals by which a terminal, a supervisor or npm asks a program to stop. */
const STOP_SIGNALS = new Set(["SIGINT", "SIGTERM", "SIGHUP"]);

/**
 * On Ctrl-C the terminal signals every process of the foreground, and npm then
 * passes its own copy on, so a program under `npm start` gets SIGINT twice and
 * would take the second for "stop at once". Drops the copies.
 *
 * @returns whether a signal to stop was received until now
 */
export function receiveSignalsOnce() {
  /** @type {Map<string | symbol, number>} */
  const lastAt = new Map();
  const emit = process.emit;
  // Node delivers signals through process.emit; listeners alone could not hide one from the others.
  process.emit = /** @type {typeof process.emit} */ (
    (/** @type {string | symbol} */ event, /** @type {unknown[]} */ ...args) => {
      if (typeof event === "string" && STOP_SIGNALS.has(event)) {
        const now = performance.now();
        const isCopy = now - (lastAt.get(event) ?? Number.NEGATIVE_INFINITY) < COPY_WITHIN_MS;
        lastAt.set(event, now);
        if (isCopy) return true;
      }
      return Reflect.apply(emit, process, [event, ...args]);
    }
  );
  return () => lastAt.size > 0;
}
