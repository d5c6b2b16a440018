import { setTimeout as delay } from "node:timers/promises";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import { findProcess } from "./process-status.js";

/** A fast shutdown writes one checkpoint; minutes only on a disk in trouble. */
const FAST_STOP_TIMEOUT_MS = 60_000;
const IMMEDIATE_STOP_TIMEOUT_MS = 10_000;
const STOP_POLL_MS = 10;
/** How late the death of a postmaster that is not our child may be noticed. */
const WATCH_POLL_MS = 100;

/** A running postmaster, whether we started it or found it. */
export interface Postmaster {
  readonly pid: number;
  readonly socketDirectory: string;
}

/** Whether the process runs still; one that has ended but was not waited for does not. */
export function isAlive(pid: number): boolean {
  if (process.platform === "linux") return findProcess(pid) !== undefined;
  try {
    return process.kill(pid, 0); // far cheaper than asking ps, and asked often
  } catch {
    return false;
  }
}

/**
 * Resolves when it is gone, without keeping this process alive.
 * Rejects when the signal comes first.
 */
export async function untilGone({ pid }: Postmaster, signal: AbortSignal): Promise<void> {
  while (isAlive(pid)) await delay(WATCH_POLL_MS, undefined, { signal, ref: false });
}

/**
 * Stops it: open transactions are rolled back, clients disconnected, a
 * checkpoint written. If that takes too long it is made to quit at once, which
 * loses nothing either but costs a recovery at the next start.
 */
export async function stopPostmaster({ pid }: Postmaster): Promise<void> {
  for (const [signal, timeoutMs] of [
    ["SIGINT", FAST_STOP_TIMEOUT_MS],
    ["SIGQUIT", IMMEDIATE_STOP_TIMEOUT_MS],
  ] as const) {
    if (!isAlive(pid)) return;
    process.kill(pid, signal);
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      await delay(STOP_POLL_MS);
      if (!isAlive(pid)) return;
    }
  }
  throw new EmbeddedPostgresError(
    "FAILED",
    `Postgres (process ${pid}) does not stop. Its log says why; as a last resort run: kill -9 ${pid}`,
  );
}
