import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface ProcessStatus {
  /** The same process keeps it for life and no other on this machine has it with the same id. */
  readonly startTime: string;
  /** Arguments joined by a blank, the program first. */
  readonly command: string;
}

/**
 * The process with this id, or undefined if there is none. One that has ended
 * but was not waited for counts as gone: in a container nobody may ever wait.
 */
export function findProcess(pid: number): ProcessStatus | undefined {
  return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
}

function fromProc(pid: number): ProcessStatus | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in parentheses, may itself hold blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "", startTime = ""] = [fields[0], fields[19]];
    if (state === "Z" || state === "X") return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replace(/\0$/, "").replaceAll("\0", " ");
    return { startTime, command };
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): ProcessStatus | undefined {
  const ps = spawnSync("ps", ["-ww", "-o", "stat=,lstart=,args=", "-p", String(pid)], {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
  });
  // "Ss   Mon Nov 22 11:36:01 2026     /path/to/postgres -D …"
  const match = /^(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(ps.stdout?.trim() ?? "");
  if (ps.status !== 0 || match === null || match[1]?.startsWith("Z")) return undefined;
  return { startTime: match[2] ?? "", command: match[3] ?? "" };
}
