import type { ChildProcess } from "node:child_process";

/** Ends a process that we started when we end ourselves before it. */
export function killWithUs(child: ChildProcess): void {
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
}
