import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem, type } from "node:os";

/** What a figure depends on besides the code: commit, machine and versions. */
export function describeRun() {
  const processors = cpus();
  return {
    time: new Date().toISOString(),
    commit: commit(),
    machine: {
      processor: processors[0]?.model ?? "unknown",
      processors: processors.length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
    },
    /** Processes that ran or wanted to in the minute before: others' above all, and then the figures mean little. */
    loadBefore: Number(loadavg()[0]?.toFixed(1)),
    versions: { node: process.versions.node },
  };
}

/** Of the working tree, with "+changes" when it has any; "unknown" outside a clone. */
function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8", stdio: "pipe" }).trim();
    const changes = git("status", "--porcelain") === "" ? "" : "+changes";
    return git("rev-parse", "--short", "HEAD") + changes;
  } catch {
    return "unknown";
  }
}
