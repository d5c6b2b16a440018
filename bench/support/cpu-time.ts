import { readdirSync, readFileSync } from "node:fs";

/** Linux counts in hundredths of a second on every architecture Node runs on. */
const TICK_MS = 10;

/**
 * CPU time that a process and those it started have used so far, in
 * milliseconds. Undefined where there is no /proc.
 */
export function cpuTimeMs(pid: number): number | undefined {
  try {
    return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + ticksOf(one), 0) * TICK_MS;
  } catch {
    return undefined;
  }
}

/** CPU time of the processes that this one started and that have ended, in milliseconds. Undefined where there is no /proc. */
export function endedCpuTimeMs(): number | undefined {
  const fields = statOf(process.pid);
  return fields && ticksIn(fields, ENDED_TIMES) * TICK_MS;
}

function ticksOf(pid: number): number {
  return ticksIn(statOf(pid) ?? [], [...OWN_TIMES, ...ENDED_TIMES]);
}

function ticksIn(fields: readonly string[], places: readonly number[]): number {
  return places.reduce((sum, place) => sum + Number(fields[place] ?? 0), 0);
}

/** Places after the name in parentheses, see proc_pid_stat(5). */
const PARENT = 1;
/** Its own in user and system mode, and those of its children that have ended. */
const OWN_TIMES = [11, 12];
const ENDED_TIMES = [13, 14];

function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // it ended meanwhile
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => Number(statOf(candidate)?.[PARENT]) === pid);
}
