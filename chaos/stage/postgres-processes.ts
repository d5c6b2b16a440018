import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { layoutOf } from "../../src/postgres/layout.js";
import { findPostmaster } from "../../src/postgres/postmaster-file.js";
import { findProcess } from "../../src/postgres/process-status.js";

/** The postmaster of an embedded Postgres, if it runs. */
export function postmasterOf(directory: string): number | undefined {
  return findPostmaster(layoutOf(directory))?.pid;
}

export function isPostgresReady(directory: string): boolean {
  return findPostmaster(layoutOf(directory))?.status === "ready";
}

/** The processes that a process started and that run. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

/** Those that serve the servers' connections. */
export function backendsOf(postmaster: number): number[] {
  return childrenOf(postmaster).filter((pid) => commandOf(pid).includes(" postgres holdfast "));
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // it ended meanwhile
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Kills a process; resolves once it is gone: the one that is being killed would pass for one that is well. */
export async function kill(pid: number): Promise<void> {
  const before = findProcess(pid)?.startTime;
  signal(pid, "SIGKILL");
  while (before !== undefined && findProcess(pid)?.startTime === before) await delay(5);
}

/** Signals a process that may have ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself, which is what a signal could have done.
  }
}
