import { HELD_MESSAGE } from "../../src/http/event-loop-delay.js";

/**
 * Work in one piece that no server may do, in ms of CPU time of the event loop's thread. Other processes of a busy
 * machine, and SIGSTOP, lengthen a delay but not this.
 */
const LONGEST_HOLD_CPU_MS = 500;
const UNHANDLED: readonly string[] = ["unhandled rejection", "uncaught exception"];

/** The defect that a line of a server's log tells of, if any: an unhandled failure, or an event loop that was held. */
export function serverDefect(line: string): string | undefined {
  let logged: Record<string, unknown>;
  try {
    logged = JSON.parse(line);
  } catch {
    return undefined; // what Node itself says has another form
  }
  const { msg, delayMs, cpuMs, err } = logged;
  if (UNHANDLED.includes(String(msg)))
    return `a server had an ${msg}: ${(err as { stack?: string } | undefined)?.stack}`;
  if (msg !== HELD_MESSAGE || !(Number(cpuMs) >= LONGEST_HOLD_CPU_MS)) return undefined;
  return `a server held its event loop for ${delayMs} ms, with ${cpuMs} ms of CPU time`;
}
