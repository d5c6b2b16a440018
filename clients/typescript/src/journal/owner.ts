import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Which process, so that another can tell whether it still runs. */
export interface Owner {
  /** The machine since its last start. */
  readonly host: string;
  /** Containers count processes each for themselves. */
  readonly namespace: string;
  readonly pid: number;
  /** When it started, as its system counts that: numbers of processes are used again. Empty where unknown. */
  readonly started: string;
}

const START_TIME_FIELD = 22;

export function thisProcess(): Owner {
  return {
    host: textOf("/proc/sys/kernel/random/boot_id") || hostname(),
    namespace: namespace(),
    pid: process.pid,
    started: startOf(process.pid),
  };
}

/** Whether it runs; undefined when that cannot be told from here. */
export function isRunning(owner: Owner): boolean | undefined {
  const here = thisProcess();
  if (owner.host !== here.host || owner.namespace !== here.namespace) return undefined;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const started = startOf(owner.pid);
  return started === "" || owner.started === "" ? undefined : started === owner.started;
}

function startOf(pid: number): string {
  // Behind the name, which is in parentheses and may hold anything.
  const fields = textOf(`/proc/${pid}/stat`).split(")").at(-1)?.trim().split(" ") ?? [];
  return fields[START_TIME_FIELD - 3] ?? "";
}

function namespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
